import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { stage } from "./equipment/browser.mjs";
import { folder, policyFile, webFor } from "./equipment/command.mjs";
import { editor, replace, text } from "./equipment/editor.mjs";
import { eventually, told } from "./equipment/parts.mjs";
import { pageFolder } from "./equipment/places.mjs";
import { DEFAULT, TEAM } from "./equipment/policies.mjs";
import { contentsOf, differing, saveButton, shown, withPickers } from "./equipment/saving.mjs";
import { site } from "./equipment/site.mjs";

// As on any static host: nothing there knows of files.
const { open } = stage(() => site({ "/pages/sparkwright/": pageFolder }));

const CHANGED = TEAM.replace("max_executors: 20", "max_executors: 21");

/** A browser without the File System Access API, as Firefox and Safari are. */
const withoutPickers = (page) =>
  page.evaluate(() => {
    delete globalThis.showOpenFilePicker;
    delete globalThis.showSaveFilePicker;
  });

async function begin() {
  const { page } = await open();
  await editor(page).waitFor();
  return page;
}

/** Opens a file by the browser's chooser. */
async function choose(page, path) {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Open", exact: true }).click()]);
  await chooser.setFiles(path);
}

test("a file that is chosen is opened, and what is saved is downloaded", async (t) => {
  const page = await begin();
  await withoutPickers(page);
  await choose(page, await policyFile(t, TEAM));
  await eventually(() => text(page), TEAM, "the file's text");
  assert.equal(await page.locator(".file-name").innerText(), "team.yaml");

  await replace(page, CHANGED);
  await page.locator(".file-name").getByText("not saved").waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), saveButton(page).click()]);
  assert.equal(download.suggestedFilename(), "team.yaml");
  assert.equal(await readFile(await download.path(), "utf8"), CHANGED);
  await page.locator(".file-name").getByText("not saved").waitFor({ state: "detached" });
});

test("with the File System Access API what is saved goes where it was opened", async () => {
  const page = await begin();
  await withPickers(page, "own.yaml", TEAM);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await eventually(() => text(page), TEAM, "the file's text");
  await replace(page, CHANGED);
  await saveButton(page).click();
  await shown(page).waitFor();
  assert.deepEqual(await differing(page), ["−        max_executors: 20     # what the queue gives us", "+        max_executors: 21     # what the queue gives us"]);
  assert.equal(await contentsOf(page, "own.yaml"), TEAM, "nothing is written before");
  // Something else writes it while the difference is looked at.
  const elsewhere = TEAM.replace("by hand", "by somebody else");
  await withPickers(page, "own.yaml", elsewhere);
  await shown(page).getByRole("button", { name: "Save", exact: true }).click();
  await shown(page).getByRole("alert").getByText("own.yaml was changed while this was shown").waitFor();
  assert.equal((await differing(page)).length, 4);
  assert.equal(await contentsOf(page, "own.yaml"), elsewhere);
  await shown(page).getByRole("button", { name: "Save", exact: true }).click();
  await eventually(() => contentsOf(page, "own.yaml"), CHANGED, "the file's new text");
});

test("a file that is named for a new text and has one already is shown first", async () => {
  const page = await begin();
  await withPickers(page, "config.yaml", TEAM);
  await replace(page, CHANGED);
  await saveButton(page).click();
  await shown(page).getByText("1 line added, 1 line removed").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await contentsOf(page, "config.yaml"), TEAM);
});

/** Drops a file on the page as a person does with the mouse. */
async function drop(page, path) {
  const session = await page.context().newCDPSession(page);
  const { width, height } = page.viewportSize();
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver"]) {
    await session.send("Input.dispatchDragEvent", { type, x: width / 2, y: height / 2, data });
  }
  await page.locator("body[data-dropping]").waitFor();
  await session.send("Input.dispatchDragEvent", { type: "drop", x: width / 2, y: height / 2, data });
  await session.detach();
}

test("a file that is dropped is opened, also over the editor", async (t) => {
  const page = await begin();
  await drop(page, await policyFile(t, TEAM));
  await eventually(() => text(page), TEAM, "the file's text, and it alone");
  assert.equal(await page.locator("body[data-dropping]").count(), 0);
});

test("what is no policy and no run is told, and the text stays", async (t) => {
  const page = await begin();
  await withoutPickers(page);
  const place = await folder(t);
  const binary = join(place, "picture.yaml");
  await writeFile(binary, new Uint8Array([0xff, 0xfe, 0x00, 0x80]));
  await choose(page, binary);
  await told(page, "picture.yaml is not a text in UTF-8");

  const other = join(place, "package.json");
  await writeFile(other, '{"name": "something else"}');
  await choose(page, other);
  await told(page, /package\.json can't be opened.*run\.json was expected/);
  assert.equal(await text(page), DEFAULT);

  const newer = join(place, "run.json");
  await writeFile(newer, '{"format": 999}');
  await choose(page, newer);
  await told(page, /run\.json can't be opened.*999.*newer/);
});

test("the default policy of the command is saved as a file of the user's", async (t) => {
  const server = await webFor(t, "--record", await folder(t));
  const { page } = await open("#/policy", { url: server.url });
  await editor(page).waitFor();
  await withPickers(page, "config.yaml");
  await replace(page, CHANGED);
  await saveButton(page).click();
  await eventually(() => contentsOf(page, "config.yaml"), CHANGED, "a file of the user's own, which was empty: nothing to show");
});
