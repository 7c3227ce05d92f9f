// The built shell as a whole, started as a page starts it, with a worker of Node's in place of a browser's.

import { host, settled } from "./page";

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker as Thread } from "node:worker_threads";

import type { Shell } from "../src/shell";
import { policyBytes } from "./repository";

const out = mkdtempSync(join(tmpdir(), "sparkwright-shell-"));
const threads: Thread[] = [];
after(async () => {
  // A thread that still begins would miss its files.
  await Promise.all(threads.map((thread) => thread.terminate()));
  rmSync(out, { recursive: true });
});
execFileSync(process.execPath, [join(process.env["SPARKWRIGHT_REPOSITORY"] ?? "../..", "web/shell/build.mjs"), out]);
writeFileSync(join(out, "policy.wasm"), policyBytes());
writeFileSync(join(out, "app_bg.wasm"), "the app's code");
writeFileSync(
  join(out, "app.js"),
  `export default async ({ module_or_path }) => {
     const response = await module_or_path;
     globalThis.started = [response.headers.get("content-type"), await response.text()];
   };`,
);
writeFileSync(
  join(out, "thread.mjs"),
  `import { parentPort } from "node:worker_threads";
   globalThis.addEventListener = (_, listener) => parentPort.on("message", (data) => listener({ data }));
   globalThis.postMessage = (data) => parentPort.postMessage(data);
   await import("./worker.js");`,
);

class PageWorker extends EventTarget {
  private readonly thread = new Thread(join(out, "thread.mjs"));
  constructor(address: URL) {
    super();
    assert.equal(fileURLToPath(address), join(out, "worker.js"));
    threads.push(this.thread);
    this.thread.on("message", (data) => this.dispatchEvent(new MessageEvent("message", { data })));
  }
  postMessage(data: unknown): void {
    this.thread.postMessage(data);
  }
  terminate(): void {
    void this.thread.terminate();
  }
}

const fetches: string[] = [];
Object.assign(globalThis, {
  Worker: PageWorker,
  fetch: async (address: URL) => {
    fetches.push(address.pathname.split("/").at(-1) ?? "");
    return new Response(readFileSync(address), { headers: { "content-type": "application/octet-stream" } });
  },
});
if (!("adoptedStyleSheets" in Document.prototype)) Object.defineProperty(Document.prototype, "adoptedStyleSheets", { value: [], writable: true });

const app = host();
app.id = "app";

test("the shell starts the app and serves it", async () => {
  await import(pathToFileURL(join(out, "start.js")).href);
  const { sparkwright: shell } = globalThis as unknown as { sparkwright: Shell };
  const facts = await shell.loadModule();
  assert.equal(facts.bytes, policyBytes().length);
  assert.match(facts.sha256, /^[0-9a-f]{64}$/);
  const here = globalThis as unknown as { started?: string[] };
  for (let times = 0; here.started === undefined && times < 200; times += 1) await settled();
  const { started } = here;
  assert.deepEqual(started, ["application/wasm", "the app's code"]);
  assert.deepEqual(fetches, ["policy.wasm", "app_bg.wasm"]);
  assert.equal(app.textContent, "", "nothing failed");

  const handle = shell.prepare("{}");
  const question = '{"job":{"input_bytes":10000000000}}';
  const { ok } = JSON.parse(shell.ask(handle, 1, question)) as { ok: { executors: { value: number } } };
  const asked = await shell.sweep("a", "[{}]", 1, question, "job.input_bytes", "[10000000000]", '["executors.value"]');
  assert.deepEqual((JSON.parse(asked) as { series: unknown }).series, [[[ok.executors.value]]]);
  const replayed = JSON.parse(await shell.replay("a", "{}", 4, '[{"now_ms":1000},{"now_ms":2000}]')) as unknown[];
  assert.equal(replayed.length, 2);
  const turns = ["1", "2", "3"].map((value) => shell.sweep("b", "[{}]", 1, question, "job.input_bytes", `[${value}]`, '["executors.value"]'));
  const ends = await Promise.allSettled(turns);
  assert.deepEqual(ends.map((it) => it.status), ["fulfilled", "rejected", "fulfilled"]);
  assert.equal((ends[1] as PromiseRejectedResult).reason.message, "superseded");
  await assert.rejects(shell.sweep("c", "{", 1, question, "a", "[]", "[]"), /the list of policies is not JSON/);
  shell.release(handle);
  assert.throws(() => shell.ask(handle, 1, question), /no prepared policy/);
  assert.throws(() => shell.prepare("[]"), Error);

  const editor = await shell.mountEditor(host(), { text: "a: 1", opening: 1, schema: "{}", label: "The policy" }, () => undefined);
  editor.destroy();
  shell.newChart(host()).destroy();
  assert.equal(await shell.unpack(await shell.pack("a: 1")), "a: 1");
  const faults: string[] = [];
  shell.onFault = (message) => faults.push(message);
  dispatchEvent(Object.assign(new Event("unhandledrejection"), { reason: new Error("nobody waited") }));
  dispatchEvent(Object.assign(new Event("error"), { message: "ResizeObserver loop completed with undelivered notifications." }));
  dispatchEvent(Object.assign(new Event("error"), { message: "it broke", error: null }));
  assert.deepEqual(faults, ["nobody waited", "it broke"]);
});

test("where the app can't start, the page says why", async () => {
  rmSync(join(out, "app_bg.wasm"));
  const kept = globalThis.fetch;
  globalThis.fetch = (address) => {
    if (String(address).endsWith("app_bg.wasm")) return Promise.resolve(new Response(null, { status: 404 }));
    return kept(address);
  };
  await import(`${pathToFileURL(join(out, "start.js")).href}?again`);
  // With the module comes a worker of its own.
  await (globalThis as unknown as { sparkwright: Shell }).sparkwright.loadModule();
  await settled();
  assert.match(app.textContent ?? "", /could not start.*app_bg.wasm could not be fetched: the server answers 404.*Load the page again/s);
});

test("the page keeps to its policy and asks ahead for what it needs", () => {
  const page = readFileSync(join(out, "index.html"), "utf8");
  assert.match(page, /http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/);
  assert.doesNotMatch(page, / style=|<style|<script(?! type="module" src="start.js"><)|https?:/);
  assert.match(page, /<link rel="modulepreload" href="chunk-chart-[A-Z0-9]+\.js">/);
  assert.match(page, /<link rel="preload" href="policy.wasm" as="fetch"/);
  for (const name of ["start.js", "worker.js"]) assert.ok(!/(?<![.\w])eval\(|new Function/.test(readFileSync(join(out, name), "utf8")), name);
  assert.match(readFileSync(join(out, "licenses.txt"), "utf8"), /uplot 1\.6/);
});
