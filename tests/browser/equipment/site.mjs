// A static host: files below a path, no headers of ours, nothing but GET.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
};

/** Serves folders and texts, each below a path that begins and ends with a slash. `asked` holds the paths that were asked for. */
export async function site(places, url = Object.keys(places)[0]) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    asked.push(`${request.method} ${path}`);
    const at = Object.keys(places).find((it) => path.startsWith(it));
    const name = normalize(path.slice(at?.length ?? 0)) || ".";
    const file = name === "." ? "index.html" : name;
    try {
      if (request.method !== "GET" || at === undefined || file.startsWith("..")) throw new Error("nothing here");
      const place = places[at];
      const body = typeof place === "object" ? place[file] : await readFile(join(place, file));
      if (body === undefined) throw new Error("nothing here");
      response.writeHead(200, { "content-type": TYPES[/\.\w+$/.exec(file)?.[0]] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404, { "content-type": "text/plain" });
      response.end("nothing here");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked,
    url: `http://127.0.0.1:${server.address().port}${url}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
