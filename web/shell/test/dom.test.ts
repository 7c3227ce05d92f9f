import "./page";

import assert from "node:assert/strict";
import { test } from "node:test";

import { redo, undo } from "@codemirror/commands";
import { EditorView } from "@codemirror/view";

import { failed, missingFeatures, wearColours } from "../src/boot";
import { mount } from "../src/editor/editor";
import { host, settled } from "./page";

const options = { text: "a: 1 # one\nb: 2\n", opening: 1, schema: "{}", label: "The policy" };

function content(element: HTMLElement): HTMLElement {
  const found = element.shadowRoot?.querySelector<HTMLElement>(".cm-content");
  assert.ok(found);
  return found;
}

test("the editor lives in an open shadow root, has a name, and leaves Tab alone", () => {
  const element = host();
  const editor = mount(element, options, () => undefined);
  assert.equal(content(element).getAttribute("aria-label"), "The policy");
  assert.equal(element.querySelectorAll("style").length + (element.shadowRoot?.querySelectorAll("style").length ?? 0), 0);
  const tab = new KeyboardEvent("keydown", { key: "Tab", keyCode: 9, bubbles: true, cancelable: true } as KeyboardEventInit);
  content(element).dispatchEvent(tab);
  assert.equal(tab.defaultPrevented, false);
  editor.destroy();
  assert.equal(element.shadowRoot?.querySelector(".cm-content"), null);
  assert.ok(element.shadowRoot?.querySelector("slot"));
});

test("a text that the page puts in is told as the page's, keeps its line ends, and is not told when nothing changes", () => {
  const told: [string, boolean][] = [];
  const editor = mount(host(), { ...options, opening: 2 }, (text, fromUser) => told.push([text, fromUser]));
  editor.setText("a: 12 # one\nb: 2\n", 2);
  editor.setText("a: 12 # one\nb: 2\n", 2);
  editor.setText("a: 12 # one\r\nb: 3\r\n", 2);
  assert.deepEqual(told, [
    ["a: 12 # one\nb: 2\n", false],
    ["a: 12 # one\r\nb: 3\r\n", false],
  ]);
  editor.destroy();
});

test("what the page puts in is undone in one step, apart from what the user wrote", () => {
  const told: [string, boolean][] = [];
  const element = host();
  const editor = mount(element, { ...options, opening: 3 }, (text, fromUser) => told.push([text, fromUser]));
  const view = EditorView.findFromDOM(content(element));
  assert.ok(view);
  view.dispatch({ changes: { from: 0, insert: "x" }, userEvent: "input.type" });
  editor.setText("xa: 12 # one\nb: 2\n", 3);
  view.dispatch({ changes: { from: 0, insert: "y" }, userEvent: "input.type" });
  undo(view);
  undo(view);
  assert.deepEqual(told.at(-1), ["xa: 1 # one\nb: 2\n", true]);
  undo(view);
  assert.deepEqual(told.at(-1), [options.text, true]);
  editor.destroy();
});

test("another document begins a history of its own, whether an editor shows it or not", () => {
  const told: string[] = [];
  const onChange = (text: string) => told.push(text);
  const element = host();
  const viewOf = () => EditorView.findFromDOM(content(element)) ?? assert.fail("no editor");
  let editor = mount(element, { ...options, opening: 4 }, onChange);
  viewOf().dispatch({ changes: { from: 0, insert: "x" }, userEvent: "input.type" });
  editor.setText("b: 1\n", 5);
  assert.ok(!undo(viewOf()) && !redo(viewOf()));
  assert.equal(viewOf().state.doc.toString(), "b: 1\n");
  viewOf().dispatch({ changes: { from: 0, insert: "y" }, userEvent: "input.type" });
  assert.equal(told.at(-1), "yb: 1\n", "the page is told of the new document too");
  editor.destroy();

  // Shown again, changed by a form meanwhile: both steps are still there.
  editor = mount(element, { ...options, text: "yb: 2\n", opening: 5 }, onChange);
  assert.equal(viewOf().state.doc.toString(), "yb: 2\n");
  undo(viewOf());
  undo(viewOf());
  assert.equal(told.at(-1), "b: 1\n");
  redo(viewOf());
  editor.destroy();

  // Another document with the very text that the editor left.
  editor = mount(element, { ...options, text: "yb: 1\n", opening: 6 }, onChange);
  assert.ok(!undo(viewOf()) && !redo(viewOf()));
  editor.destroy();
});

test("problems and places may lie anywhere", async () => {
  const element = host();
  const editor = mount(element, options, () => undefined);
  const mark = { line: 2, column: 1, end_line: 2, end_column: 2, severity: "error", message: "no such key", help: "remove it" };
  editor.setDiagnostics(JSON.stringify([mark, { ...mark, line: 0, column: 0, end_line: 0, end_column: 0 }, { ...mark, line: 50, end_line: 51 }]));
  assert.equal(element.shadowRoot?.querySelectorAll(".cm-lintRange-error").length, 1);
  editor.setText("", 7);
  editor.setDiagnostics("[]");
  assert.equal(element.shadowRoot?.querySelectorAll(".cm-lintRange-error").length, 0);
  editor.reveal(1, 1);
  editor.reveal(900, 900);
  await settled();
  editor.destroy();
});

test("a second editor takes the place of one that is gone", () => {
  const element = host();
  mount(element, options, () => undefined).destroy();
  const editor = mount(element, { ...options, text: "new", opening: 8 }, () => undefined);
  assert.equal(element.shadowRoot?.querySelectorAll(".cm-editor").length, 1);
  assert.match(content(element).textContent ?? "", /new/);
  editor.destroy();
});

test("the page begins in the colours that were chosen last", () => {
  const worn = (kept: string | null) => {
    const storage = { getItem: () => kept };
    Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });
    delete document.documentElement.dataset["theme"];
    wearColours();
    return document.documentElement.dataset["theme"];
  };
  assert.equal(worn('"dark"'), "dark");
  assert.equal(worn('"light"'), "light");
  for (const kept of [null, '"system"', '"x onload=1"', "{", "3"]) assert.equal(worn(kept), undefined, String(kept));
  Object.defineProperty(globalThis, "localStorage", {
    get: () => {
      throw new Error("storage is forbidden");
    },
  });
  wearColours();
});

test("why the page could not start is said as text", () => {
  const app = host();
  app.id = "app";
  failed("<img src=x onerror=alert(1)> is broken");
  assert.match(app.textContent ?? "", /could not start.*<img src=x/s);
  assert.equal(app.querySelector("img"), null);
  assert.equal(app.querySelector("[role=alert]")?.tagName, "MAIN");
  assert.ok(Array.isArray(missingFeatures()));
});
