// What can go wrong before the app runs.

/** Features without which the page can't work, as people would look them up, that this browser lacks. */
export function missingFeatures(): string[] {
  const features: [string, boolean][] = [
    ["WebAssembly", typeof WebAssembly !== "undefined"],
    ["module workers", typeof Worker !== "undefined"],
    ["style sheets made by scripts (adoptedStyleSheets)", "adoptedStyleSheets" in Document.prototype],
    ["compression streams", typeof CompressionStream !== "undefined" && typeof DecompressionStream !== "undefined"],
    ["resize observers", typeof ResizeObserver !== "undefined"],
  ];
  return features.filter(([, isThere]) => !isThere).map(([name]) => name);
}

/** Puts on the colours that were chosen last, before anything is drawn in others; `web/src/parts/header.rs` keeps the choice. */
export function wearColours(): void {
  let kept: unknown;
  try {
    kept = JSON.parse(localStorage.getItem("sparkwright.theme") ?? "null");
  } catch {
    // Storage may be forbidden, and hold anything.
    return;
  }
  if (kept === "light" || kept === "dark") document.documentElement.dataset["theme"] = kept;
}

/** A response that is what was asked for. */
export async function fetched(address: URL, mediaType: string): Promise<Response> {
  const name = address.pathname.split("/").at(-1) ?? address.href;
  let response: Response;
  try {
    response = await fetch(address);
  } catch {
    throw new Error(`${name} could not be fetched`);
  }
  if (!response.ok) throw new Error(`${name} could not be fetched: the server answers ${response.status}`);
  // Some servers don't know WebAssembly's media type, and without it browsers don't compile as it comes in.
  if (response.headers.get("content-type")?.split(";")[0] === mediaType) return response;
  return new Response(response.body, { headers: { "content-type": mediaType } });
}

/** Says in place of the app why there is none. Nothing here is HTML that comes from elsewhere. */
export function failed(why: string): void {
  const app = document.getElementById("app") ?? document.body;
  const title = document.createElement("h1");
  title.textContent = "Sparkwright could not start";
  const reason = document.createElement("p");
  reason.textContent = `What failed: ${why}.`;
  const advice = document.createElement("ul");
  for (const text of [
    "Load the page again; a broken connection or an update of the server in between leaves pages half loaded.",
    "Use a current browser: Chrome or Edge 111, Firefox 114, Safari 16.4, or newer.",
    "Open the page through a server, as `sparkwright web` is one: browsers don't run it from a file.",
  ]) {
    const item = document.createElement("li");
    item.textContent = text;
    advice.append(item);
  }
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Load again";
  again.addEventListener("click", () => location.reload());
  const message = document.createElement("main");
  message.className = "start-failed";
  message.setAttribute("role", "alert");
  message.append(title, reason, advice, again);
  app.replaceChildren(message);
}
