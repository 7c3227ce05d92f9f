// The page begins here: makes what the app needs of the browser, then starts the app.

import { failed, fetched, missingFeatures, wearColours } from "./boot";
import { DeferredChart, prefetchCharts } from "./chart/deferred";
import { copyImage, copyText } from "./clipboard";
import { downloadFile, fileToWrite, onDrop, openFile, writeFile } from "./files";
import { Policy } from "./policy";
import { pack, unpack } from "./share";
import { messageOf, type Shell } from "./shell";

/** What wasm-bindgen makes of the Yew crate. */
interface App {
  default(source: { module_or_path: Promise<Response> }): Promise<unknown>;
}

/** When what is only needed later is fetched where the browser doesn't say that it has nothing to do. */
const LATER_MS = 2_000;

const beside = (name: string) => new URL(name, import.meta.url);

const policy = new Policy(beside("policy.wasm"), () => new Worker(beside("worker.js"), { type: "module" }));

function tell(message: string): void {
  if (shell.onFault === undefined) console.error(message);
  else shell.onFault(message);
}

const shell: Shell = {
  loadModule: () => policy.load(),
  prepare: (policyJson) => policy.prepare(policyJson),
  release: (handle) => policy.release(handle),
  ask: (handle, point, question) => policy.ask(handle, point, question),
  sweep: (lane, policiesJson, point, question, path, values, pick) =>
    policy.sweep(lane, { policiesJson, point, question, path, values, pick }),
  replay: (lane, policyJson, point, questions) => policy.replay(lane, { policyJson, point, questions }),
  mountEditor: async (host, options, onChange) => (await import("./editor/editor")).mount(host, options, onChange),
  newChart: (host) => new DeferredChart(host, tell),
  openFile,
  fileToWrite,
  writeFile,
  downloadFile,
  onDrop: (callback) => onDrop(callback, tell),
  pack,
  unpack,
  copyText,
  copyImage,
};

async function start(): Promise<void> {
  wearColours();
  const missing = missingFeatures();
  if (missing.length > 0) throw new Error(`this browser lacks ${missing.join(", ")}`);
  // All at once: the app, its code, the policy module, and what draws. The module's failure is told to whoever asks for it.
  policy.load().catch(() => undefined);
  prefetchCharts().catch(() => undefined);
  const code = fetched(beside("app_bg.wasm"), "application/wasm");
  // Told below, once it is waited for.
  code.catch(() => undefined);
  const script: string = beside("app.js").href;
  const app = (await import(script)) as App;
  await app.default({ module_or_path: code });
  // In a quiet moment, so that the page goes on without a network. Safari has no such callback.
  const whenIdle = globalThis.requestIdleCallback ?? ((then: () => void) => setTimeout(then, LATER_MS));
  whenIdle(() => void import("./editor/editor").catch(() => undefined));
}

Object.assign(globalThis, { sparkwright: shell });

addEventListener("error", (event) => {
  // Not an error: a size was told one frame later.
  if (event.message.startsWith("ResizeObserver loop")) return;
  tell(event.error === undefined || event.error === null ? event.message : messageOf(event.error));
});
addEventListener("unhandledrejection", (event) => tell(messageOf(event.reason)));

start().catch((error: unknown) => failed(messageOf(error)));
