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
import { site } from "./equipment/site.mjs";

// As on any static host: nothing there knows of files.
const { open, served } = stage(() => site({ "/pages/sparkwright/": pageFolder }));

const CHANGED = TEAM.replace("max_executors: 20", "max_executors: 21");

/** A browser without the File System Access API, as Firefox and Safari are. */
const withoutPickers = (page) =>
  page.evaluate(() => {
    delete globalThis.showOpenFilePicker;
    delete globalThis.showSaveFilePicker;
  });

/** Real files of the browser's own file system, in place of the system's dialog alone. */
const withPickers = (page, name, contents) =>
  page.evaluate(
    async ([file, words]) => {
      const root = await navigator.storage.getDirectory();
      const handle = await root.getFileHandle(file, { create: true });
      if (words !== undefined) {
        const stream = await handle.createWritable();
        await stream.write(words);
        await stream.close();
      }
      globalThis.showOpenFilePicker = async () => [handle];
      globalThis.showSaveFilePicker = async () => handle;
    },
    [name, contents],
  );

const contentsOf = (page, name) =>
  page.evaluate(async (file) => {
    const root = await navigator.storage.getDirectory();
    try {
      return await (await (await root.getFileHandle(file)).getFile()).text();
    } catch {
      // While it is written it is not there for a moment.
      return null;
    }
  }, name);

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
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save", exact: true }).click()]);
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
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await eventually(() => contentsOf(page, "own.yaml"), CHANGED, "the file's new text");
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

test("the served file is written by Save, and nothing beside it", async (t) => {
  const { page, path } = await served(t, TEAM);
  await editor(page).waitFor();
  await replace(page, CHANGED);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await eventually(() => readFile(path, "utf8"), CHANGED, "the file on disk");
  await page.locator(".file-name").getByText("not saved").waitFor({ state: "detached" });

  // What was just saved is what the next save begins from.
  await replace(page, TEAM);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await eventually(() => readFile(path, "utf8"), TEAM, "saved again");
});

test("a file that something else changed meanwhile is not written over", async (t) => {
  const { page, watched, path } = await served(t, TEAM);
  await editor(page).waitFor();
  await replace(page, CHANGED);
  const elsewhere = TEAM.replace("by hand", "by somebody else");
  await writeFile(path, elsewhere);
  // Chromium logs every answer that is an error.
  watched.expect(/status of 412/);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await told(page, /changed by something else/);
  assert.equal(await readFile(path, "utf8"), elsewhere);
  assert.equal(await text(page), CHANGED, "nothing that was written is lost");
  await page.locator(".file-name").getByText("not saved").waitFor();
});

test("the default policy of the command is saved as a file of the user's", async (t) => {
  const server = await webFor(t, "--record", await folder(t));
  const { page } = await open("#/policy", { url: server.url });
  await editor(page).waitFor();
  await withPickers(page, "config.yaml");
  await replace(page, CHANGED);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await eventually(() => contentsOf(page, "config.yaml"), CHANGED, "a file of the user's own");
});
