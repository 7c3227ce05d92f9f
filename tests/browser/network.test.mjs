import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { stage } from "./equipment/browser.mjs";
import { policyFile, web } from "./equipment/command.mjs";
import { caretAt, editor, marks, replace, text } from "./equipment/editor.mjs";
import { VIEWS, decision, eventually, go, planJson, ready, told } from "./equipment/parts.mjs";
import { pageFolder } from "./equipment/places.mjs";
import { TEAM } from "./equipment/policies.mjs";
import { saveButton } from "./equipment/saving.mjs";
import { site } from "./equipment/site.mjs";

// The watch on every context fails a test that asks another origin for anything; here is what that watch can't say.
const { open, served } = stage(() => web("--record", "/nonexistent"));

/** What the page itself carries for hosts that send no headers. */
const CARRIED = /Content-Security-Policy" content="([^"]+)"/.exec(readFileSync(join(pageFolder, "index.html"), "utf8"))?.[1];

/** Everything that the page can do without its server. */
async function useEverything(page) {
  await go(page, "Policy");
  await editor(page).waitFor();
  await replace(page, TEAM);
  await caretAt(page, 3);
  await page.keyboard.type("x");
  await eventually(async () => (await marks(page)).length > 0, true, "a mistake is marked");
  await page.keyboard.press("Backspace");
  await go(page, "Environments");
  await page.getByRole("rowheader", { name: "autoscaling.max_executors" }).waitFor();
  await go(page, "Explore");
  await page.getByRole("slider", { name: /Size slider/ }).fill("900");
  await page.locator("figure.chart canvas").first().waitFor();
  const plan = JSON.parse(await planJson(page));
  assert.ok(plan.executors.value > 0);
  await page.locator("[data-decision=executors]").getByRole("button", { name: /^Why/ }).click();
  await page.locator("#why .rule").waitFor();
  await go(page, "Timeline");
  await page.locator("figure.chart canvas").first().waitFor();
  await go(page, "Runs");
  await page.getByRole("button", { name: "Copy link" }).click();
  await told(page, /the link is copied/);
}

/** Takes the network away; gives what was asked for since. Chromium looks for its tab's icon again at each change of the address. */
async function goOffline(watched) {
  watched.expect(/Failed to load resource: net::ERR_INTERNET_DISCONNECTED/);
  const before = watched.requests.length;
  await watched.context.setOffline(true);
  return () => watched.requests.slice(before).filter((it) => !/^(blob|data):|\/icon\.svg$/.test(it));
}

test("the server's policy is the page's own and a word that only headers know; nothing violates it", async () => {
  const { page, watched } = await open("#/policy");
  const answer = await page.request.get(page.url());
  const headers = answer.headers();
  assert.equal(headers["content-security-policy"], `${CARRIED}; frame-ancestors 'none'`);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["referrer-policy"], "no-referrer");
  for (const word of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'"]) {
    assert.ok(CARRIED.includes(word), word);
  }
  assert.doesNotMatch(CARRIED, /unsafe-inline|'unsafe-eval'|https?:|\*/);
  await useEverything(page);
  assert.deepEqual(watched.problems, []);
});

test("the page without its editor is fetched in less than 800 KB, policy.wasm by gzip in less than 400 KB", async () => {
  // From an empty page: what another load still fetches would be counted too.
  const { page, watched } = await open("about:blank");
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const names = new Map();
  let bytes = 0;
  session.on("Network.responseReceived", ({ requestId, response }) => names.set(requestId, new URL(response.url).pathname));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (!names.get(requestId)?.startsWith("/chunk-editor-")) bytes += encodedDataLength;
  });
  await page.goto(`${watched.origin}/#/explore`);
  await page.locator("figure.chart canvas").first().waitFor();
  assert.ok(bytes > 400_000 && bytes < 800_000, `${bytes} bytes of ${[...names.values()].join(" ")}`);
  const module = statSync(join(pageFolder, "policy.wasm.gz")).size;
  assert.ok(module < 400_000, `${module} bytes`);
});

test("the watch sees what it is there to see", async () => {
  const { page, watched } = await open("#/policy");
  await ready(page);
  for (const pattern of [/policy violated: connect-src/, /policy violated: script-src/, /Content Security Policy/, /asked for http:/, /uncaught/]) {
    watched.expect(pattern);
  }
  await page.evaluate(() => fetch("http://127.0.0.2:9/").catch(() => undefined));
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "1";
    document.head.append(script);
    setTimeout(() => {
      throw new Error("thrown by the test");
    });
  });
  const words = () => watched.problems.join("\n");
  await eventually(() => /violated: connect-src/.test(words()) && /violated: script-src/.test(words()) && /thrown by the test/.test(words()), true, "both are seen");
});

test("from a static host below a path the page works as well, and asks for nothing that is not there", async (t) => {
  const host = await site({ "/a/b/": pageFolder });
  t.after(() => host.stop());
  const { page } = await open("#/policy", { url: host.url });
  await useEverything(page);
  const files = new Set(host.asked.map((it) => it.replace("GET ", "")));
  assert.ok([...files].every((it) => it.startsWith("/a/b/")), `${[...files]}`);
  assert.ok(["server", "runs", "jobs"].every((it) => !files.has(`/a/b/${it}.json`)), "a page without a server does not look for one");
});

test("once it is loaded the page works with the network off", async (t) => {
  const host = await site({ "/": pageFolder });
  t.after(() => host.stop());
  const { page, watched } = await open("#/policy", { url: host.url });
  await editor(page).waitFor();
  await ready(page);
  // The chart's code is fetched ahead; nothing says when it has come but the network's silence.
  await page.waitForLoadState("networkidle");
  const asked = await goOffline(watched);
  await useEverything(page);
  assert.deepEqual(asked(), []);
});

test("a page that is opened at Explore has its editor when the network went off after a moment", async (t) => {
  const host = await site({ "/": pageFolder });
  t.after(() => host.stop());
  const { page, watched } = await open("#/explore", { url: host.url });
  await decision(page, "executors").waitFor();
  await page.waitForLoadState("networkidle");
  const asked = await goOffline(watched);
  await go(page, "Policy");
  await editor(page).waitFor();
  assert.deepEqual(asked(), []);
});

test("a served page whose server has gone keeps working and says what it can't do", async (t) => {
  const server = await web(await policyFile(t, TEAM));
  const { page, watched } = await open("#/policy", { url: server.url });
  await editor(page).waitFor();
  await page.waitForLoadState("networkidle");
  await server.stop();
  watched.expect(/ERR_CONNECTION_REFUSED|Failed to load resource/);
  await replace(page, TEAM.replace("20", "21"));
  await saveButton(page).click();
  await page.locator(".notices .error").getByText(/team\.yaml is not saved: the server can't be reached/).waitFor();
  assert.equal(await text(page), TEAM.replace("20", "21"));
  await go(page, "Explore");
  await decision(page, "executors").waitFor();
});

test("without policy.wasm the page says so, and texts can still be edited", async (t) => {
  const host = await site({ "/": pageFolder });
  t.after(() => host.stop());
  const { page, watched } = await open("about:blank", { url: host.url });
  watched.expect(/404/);
  watched.expect(/preload/);
  await page.route("**/policy.wasm", (route) => route.fulfill({ status: 404, body: "gone" }));
  await page.goto(host.url);
  await told(page, /policy\.wasm could not be loaded.*404/);
  await replace(page, TEAM);
  await page.getByText("No problem found").waitFor();
});

test("each view is an address, and every way to it works", async () => {
  const { page } = await open();
  for (const view of VIEWS) {
    await go(page, view);
    assert.match(page.url(), new RegExp(`#/${view.toLowerCase()}`));
    assert.match(await page.title(), new RegExp(`^${view} - `));
  }
  for (const view of VIEWS.slice(0, -1).reverse()) {
    await page.goBack();
    await page.waitForURL(new RegExp(`#/${view.toLowerCase()}`));
  }
});

test("the served page tells other sites nothing", async (t) => {
  const { page, server } = await served(t, TEAM);
  await ready(page);
  const status = (headers) => page.request.get(`${server.url}server.json`, { headers }).then((it) => it.status());
  assert.equal(await status({}), 200);
  assert.equal(await status({ host: "evil.example" }), 403);
  const put = await page.request.put(`${server.url}policy`, { data: "stolen", headers: { "if-match": "x" } });
  assert.equal(put.status(), 403);
  assert.equal((await page.request.get(`${server.url}server.json`)).headers()["access-control-allow-origin"], undefined);
});
