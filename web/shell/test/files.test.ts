import "./page";

import assert from "node:assert/strict";
import { test } from "node:test";

import { copyImage, copyText } from "../src/clipboard";
import { downloadFile, fileToWrite, MAX_FILE_BYTES, onDrop, openFile, textOf, writeFile } from "../src/files";
import { settled } from "./page";

const there = globalThis as unknown as Record<string, unknown>;

/** A file that the browser holds for the page. */
function handle(name: string, content: string, permission = "granted") {
  const written: string[] = [];
  return {
    kind: "file",
    name,
    written,
    getFile: (): Promise<File> => Promise.resolve(new File([written.at(-1) ?? content], name)),
    requestPermission: () => Promise.resolve(permission),
    createWritable: () =>
      Promise.resolve({
        write: async (blob: Blob) => void written.push(await blob.text()),
        close: () => Promise.resolve(),
        abort: () => Promise.resolve(),
      }),
  };
}

const cancelled = () => Promise.reject(new DOMException("no", "AbortError"));

/** What is downloaded while `run` runs. */
async function downloads(run: () => Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  const click = HTMLElement.prototype.click;
  HTMLElement.prototype.click = function (this: HTMLElement) {
    if (this.tagName === "A") names.push((this as HTMLAnchorElement).download);
    else click.call(this);
  };
  try {
    await run();
  } finally {
    HTMLElement.prototype.click = click;
  }
  return names;
}

// The minute after which a download's address is given back would hold up the end of the tests.
const wait = globalThis.setTimeout;
there["setTimeout"] = (run: () => void, ms?: number) => {
  const timer = wait(run, ms);
  if ((ms ?? 0) > 1000) (timer as unknown as { unref(): void }).unref();
  return timer;
};

test("a file that is too large, no text, or has a mark at its beginning", async () => {
  await assert.rejects(textOf({ name: "big.json", size: MAX_FILE_BYTES + 1 } as File), /big.json has 65 MB; at most 64 MB/);
  await assert.rejects(textOf(new File([new Uint8Array([0xff, 0xfe, 0x00])], "b.bin")), /b.bin is not a text in UTF-8/);
  assert.equal(await textOf(new File(["\ufeffa: 1"], "a.yaml")), "a: 1");
});

test("a file goes back to where it was opened", async () => {
  const opened = handle("policy.yaml", "a: 1");
  let asked: unknown;
  there["showOpenFilePicker"] = (options: unknown) => {
    asked = options;
    return Promise.resolve([opened]);
  };
  assert.deepEqual(await openFile(".yaml, .yml"), { name: "policy.yaml", text: "a: 1" });
  assert.deepEqual((asked as { types: { accept: unknown }[] }).types[0]?.accept, { "application/yaml": [".yaml", ".yml"] });
  assert.deepEqual(await fileToWrite("policy.yaml"), { text: "a: 1" });
  assert.equal(await writeFile("policy.yaml", "a: 2", "a: 1"), true);
  assert.deepEqual(opened.written, ["a: 2"]);
  there["showOpenFilePicker"] = cancelled;
  assert.equal(await openFile(".yaml"), null);
  delete there["showOpenFilePicker"];
});

test("a permission that is refused is told, and a file that is another by now is not written", async () => {
  const kept = handle("kept.yaml", "a: 1", "denied");
  there["showOpenFilePicker"] = () => Promise.resolve([kept]);
  await openFile(".yaml");
  await assert.rejects(writeFile("kept.yaml", "a: 2", "a: 1"), /not allowed to write kept.yaml/);
  await assert.rejects(writeFile("never-opened.yaml", "a: 2", null), /not known where never-opened.yaml/);
  kept.requestPermission = () => Promise.resolve("granted");
  assert.equal(await writeFile("kept.yaml", "a: 2", "a: 0"), false);
  assert.equal(await writeFile("kept.yaml", "a: 2", null), false);
  assert.deepEqual(kept.written, []);
  delete there["showOpenFilePicker"];
});

test("a file that was moved away is asked for again", async () => {
  const gone = handle("gone.yaml", "a: 1");
  const instead = handle("instead.yaml", "b: 1");
  there["showOpenFilePicker"] = () => Promise.resolve([gone]);
  there["showSaveFilePicker"] = () => Promise.resolve(instead);
  await openFile(".yaml");
  gone.getFile = () => Promise.reject(new DOMException("gone", "NotFoundError"));
  assert.deepEqual(await fileToWrite("gone.yaml"), { text: "b: 1" });
  assert.equal(await writeFile("gone.yaml", "a: 2", "b: 1"), true);
  assert.deepEqual([gone.written, instead.written], [[], ["a: 2"]]);
  delete there["showOpenFilePicker"];
  delete there["showSaveFilePicker"];
});

test("a new file is saved where the user says, and there again", async () => {
  const saved = handle("other.yaml", "");
  let asked = 0;
  there["showSaveFilePicker"] = () => {
    asked += 1;
    return Promise.resolve(saved);
  };
  let before = "";
  for (const [name, text] of [["new.yaml", "1"], ["new.yaml", "2"], ["other.yaml", "3"]] as const) {
    assert.deepEqual(await fileToWrite(name), { text: before });
    assert.equal(await writeFile(name, text, before), true);
    before = text;
  }
  assert.deepEqual([asked, saved.written], [1, ["1", "2", "3"]]);
  there["showSaveFilePicker"] = cancelled;
  assert.equal(await fileToWrite("third.yaml"), null);
  delete there["showSaveFilePicker"];
});

test("without pickers a file is downloaded", async () => {
  assert.equal(await fileToWrite("plain.yaml"), undefined);
  assert.deepEqual(await downloads(async () => downloadFile("plain.yaml", "1")), ["plain.yaml"]);
});

test("dropped files come with their name; what is wrong with one is said", async () => {
  const dropped: [string, string][] = [];
  const faults: string[] = [];
  onDrop((name, text) => dropped.push([name, text]), (message) => faults.push(message));
  const send = (name: string, data: unknown, related: unknown = null) => {
    const event = Object.assign(new Event(name, { bubbles: true, cancelable: true }), { dataTransfer: data, relatedTarget: related });
    document.body.dispatchEvent(event);
    return event.defaultPrevented;
  };
  const item = (file: File, kind = "file") => ({ getAsFile: () => file, getAsFileSystemHandle: () => Promise.resolve({ kind, name: file.name }) });
  const data = { types: ["Files"], items: [item(new File(["a: 1"], "a.yaml")), item(new File([""], "folder"), "directory")] };
  assert.equal(send("dragover", { types: ["text/plain"], items: [] }), false);
  assert.equal(send("dragover", data), true);
  assert.ok(document.body.hasAttribute("data-dropping"));
  send("dragleave", data, document.body);
  assert.ok(document.body.hasAttribute("data-dropping"));
  send("dragleave", data);
  assert.ok(!document.body.hasAttribute("data-dropping"));
  send("dragenter", data);
  assert.equal(send("drop", data), true);
  assert.ok(!document.body.hasAttribute("data-dropping"));
  await settled();
  assert.deepEqual(dropped, [["a.yaml", "a: 1"]]);
  assert.deepEqual(faults, ["folder is a folder; drop a file"]);
});

test("a file of the same name from elsewhere is never written over", async () => {
  const opened = handle("same.yaml", "a: 1");
  there["showOpenFilePicker"] = () => Promise.resolve([opened]);
  await openFile(".yaml");
  delete there["showOpenFilePicker"];
  const data = { types: ["Files"], items: [{ getAsFile: () => new File(["b: 1"], "same.yaml") }] };
  document.body.dispatchEvent(Object.assign(new Event("drop", { bubbles: true, cancelable: true }), { dataTransfer: data }));
  await settled();
  assert.equal(await fileToWrite("same.yaml"), undefined);
  assert.deepEqual(opened.written, []);
});

test("texts are copied, also where there is no clipboard", async () => {
  const copied: string[] = [];
  const clipboard = (value: unknown) => Object.defineProperty(navigator, "clipboard", { value, configurable: true });
  clipboard({ writeText: (text: string) => Promise.resolve(void copied.push(text)) });
  await copyText("one");
  clipboard(undefined);
  Object.assign(document, { execCommand: () => copied.push(document.querySelector("textarea")?.value ?? "") > 0 });
  await copyText("two");
  clipboard({ writeText: () => Promise.reject(new Error("refused")) });
  await copyText("three");
  assert.deepEqual(copied, ["one", "two", "three"]);
  assert.equal(document.querySelector("textarea"), null);
  Object.assign(document, { execCommand: () => false });
  await assert.rejects(copyText("four"), /copy it by hand/);
});

test("a picture that can't be copied is downloaded", async () => {
  const names = await downloads(async () => assert.equal(await copyImage(new Blob(["x"], { type: "image/png" })), false));
  assert.deepEqual(names, ["chart.png"]);
});
