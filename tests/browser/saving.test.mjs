import assert from "node:assert/strict";
import { chmod, lstat, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { accessible, fits, focused } from "./equipment/accessibility.mjs";
import { stage } from "./equipment/browser.mjs";
import { web, webFor } from "./equipment/command.mjs";
import { editor, kept, replace, text } from "./equipment/editor.mjs";
import { eventually, go, told } from "./equipment/parts.mjs";
import { DEFAULT, TEAM } from "./equipment/policies.mjs";
import { differing, save, saveButton, shown } from "./equipment/saving.mjs";

const { open, served } = stage(() => web("--record", "/nonexistent"));

const CHANGED = TEAM.replace("max_executors: 20", "max_executors: 21");
/** What somebody else makes of the file meanwhile. */
const THEIRS = TEAM.replace("by hand", "by somebody else");

const inDialog = (page, name) => shown(page).getByRole("button", { name, exact: true });
const notSaved = (page) => page.locator(".file-name").getByText("not saved");
const underneath = (page) => page.locator(".underneath");

/** Opens one of the user's own texts from the list. */
async function startFrom(page, name) {
  const option = page.getByLabel("Examples").getByRole("option", { name });
  await option.waitFor({ state: "attached" });
  await page.getByLabel("Examples").selectOption(await option.getAttribute("value"));
}

async function servedEditor(t, contents = TEAM) {
  const opened = await served(t, contents);
  await editor(opened.page).waitFor();
  await eventually(() => text(opened.page), contents, "the file's text");
  return opened;
}

test("what is saved is shown first, line by line; Escape writes nothing, Enter does", async (t) => {
  const { page, path } = await servedEditor(t);
  await chmod(path, 0o640);
  await replace(page, CHANGED);
  await saveButton(page).click();
  await shown(page).getByText("1 line added, 1 line removed against the file as it is now").waitFor();
  assert.deepEqual(await differing(page), ["−        max_executors: 20     # what the queue gives us", "+        max_executors: 21     # what the queue gives us"]);
  await eventually(() => focused(page), "button Save", "the focus is in the dialog");
  await accessible(page, "the difference");
  await page.keyboard.press("Escape");
  await shown(page).waitFor({ state: "detached" });
  assert.equal(await readFile(path, "utf8"), TEAM);
  assert.ok(await saveButton(page).evaluate((it) => it === document.activeElement), "the focus is back where it was");
  await notSaved(page).waitFor();

  await page.keyboard.press("Enter");
  await eventually(() => focused(page), "button Save", "the dialog again");
  await shown(page).waitFor();
  await page.keyboard.press("Enter");
  await eventually(() => readFile(path, "utf8"), CHANGED, "the file on disk");
  assert.equal((await stat(path)).mode & 0o777, 0o640, "its mode is as it was");
  await notSaved(page).waitFor({ state: "detached" });

  // What was just saved is what the next save begins from.
  await replace(page, TEAM);
  await save(page);
  await eventually(() => readFile(path, "utf8"), TEAM, "saved again");
});

test("where nothing is changed nothing is written, and a text that was changed back counts as saved", async (t) => {
  const { page, path } = await servedEditor(t);
  const before = (await stat(path)).ino;
  await replace(page, CHANGED);
  await notSaved(page).waitFor();
  await page.keyboard.press("Control+z");
  await notSaved(page).waitFor({ state: "detached" });
  await saveButton(page).click();
  await told(page, "team.yaml has this very text already: nothing is written");
  assert.equal(await shown(page).count(), 0);
  assert.equal((await stat(path)).ino, before);
});

test("the file that a link leads to is written, and the link stays", async (t) => {
  const { page, path } = await servedEditor(t);
  const real = join(dirname(path), "real.yaml");
  await rename(path, real);
  await symlink("real.yaml", path);
  await replace(page, CHANGED);
  await save(page);
  await eventually(() => readFile(real, "utf8"), CHANGED, "the file behind the link");
  assert.ok((await lstat(path)).isSymbolicLink());
});

test("a file that something else changed is told and shown, and neither text is lost", async (t) => {
  const { page, path } = await servedEditor(t);
  await replace(page, CHANGED);
  await writeFile(path, THEIRS);
  await underneath(page).getByText("team.yaml was changed on disk by something else.").waitFor();
  await accessible(page, "a file that changed underneath");
  await page.setViewportSize({ width: 360, height: 740 });
  await fits(page, "a file that changed underneath");
  await page.setViewportSize({ width: 1280, height: 720 });

  await underneath(page).getByRole("button", { name: "Show the difference" }).click();
  await shown(page).getByText(/changed by something else since your text began as it/).waitFor();
  assert.equal((await differing(page)).length, 4);
  // An empty line is one too.
  const heights = await shown(page).locator(".difference li").evaluateAll((lines) => lines.map((line) => line.getBoundingClientRect().height));
  assert.ok(heights.length > 4 && heights.every((height) => height > 10), `${heights}`);
  await inDialog(page, "Cancel").click();

  await underneath(page).getByRole("button", { name: "Take the file's" }).click();
  await eventually(() => text(page), THEIRS, "the file's text");
  assert.equal(await underneath(page).innerText(), "");
  await notSaved(page).waitFor({ state: "detached" });
  await page.keyboard.press("Control+z");
  assert.equal(await text(page), THEIRS, "it is another document");

  await startFrom(page, "team.yaml, as it was before");
  await eventually(() => text(page), CHANGED, "the user's own text is still there");
  await underneath(page).getByRole("button", { name: "Keep mine" }).click();
  await eventually(() => underneath(page).innerText(), "", "it is decided");
  assert.equal(await text(page), CHANGED);
  await notSaved(page).waitFor();
  await save(page);
  await eventually(() => readFile(path, "utf8"), CHANGED, "over the shown text");
});

test("a file that changes while the difference is shown is shown again, and not written over", async (t) => {
  const { page, watched, path } = await servedEditor(t);
  // Chromium logs every answer that is an error.
  watched.expect(/status of 412/);
  await replace(page, CHANGED);
  await saveButton(page).click();
  await shown(page).waitFor();
  await writeFile(path, THEIRS);
  await inDialog(page, "Save").click();
  await shown(page).getByRole("alert").getByText("team.yaml was changed while this was shown").waitFor();
  assert.equal((await differing(page)).length, 4);
  assert.equal(await readFile(path, "utf8"), THEIRS);
  await inDialog(page, "Take the file's").click();
  await eventually(() => text(page), THEIRS, "the file's text");
  await startFrom(page, "team.yaml, as it was before");
  await eventually(() => text(page), CHANGED, "the user's text");
});

test("a file that is removed is told, and Save makes it anew", async (t) => {
  const { page, path } = await servedEditor(t);
  await rm(path);
  await underneath(page).getByText("team.yaml is no longer there").waitFor();
  await replace(page, CHANGED);
  await saveButton(page).click();
  await shown(page).getByText("team.yaml is no longer there: to save makes it anew.").waitFor();
  await inDialog(page, "Save").click();
  await eventually(() => readFile(path, "utf8").catch(() => null), CHANGED, "it is there again");
  await eventually(() => underneath(page).innerText(), "", "all is well");
});

test("a file that is read-only says so before anything is tried, and can be copied", async (t) => {
  const { page, watched, path } = await servedEditor(t);
  await chmod(path, 0o444);
  await replace(page, CHANGED);
  await saveButton(page).click();
  await shown(page).getByText(/It can't be saved there: it is read-only \(mode 444\)/).waitFor();
  assert.equal(await inDialog(page, "Save").count(), 0);
  await page.evaluate(() => delete globalThis.showSaveFilePicker);
  const [download] = await Promise.all([page.waitForEvent("download"), inDialog(page, "Save a copy").click()]);
  assert.equal(await readFile(await download.path(), "utf8"), CHANGED);
  assert.equal(await readFile(path, "utf8"), TEAM);

  // It becomes so while the difference is shown: the text stays, and the words are in the dialog.
  const { page: other, watched: otherWatched, path: second } = await servedEditor(t);
  otherWatched.expect(/status of 403/);
  await replace(other, CHANGED);
  await saveButton(other).click();
  await shown(other).waitFor();
  await chmod(second, 0o444);
  await inDialog(other, "Save").click();
  await shown(other).getByRole("alert").getByText(/team\.yaml is not saved: .*read-only/).waitFor();
  assert.deepEqual(watched.problems, []);
});

test("two tabs on one file: the second sees what the first saved", async (t) => {
  const { page, watched, path } = await servedEditor(t);
  const second = await watched.page();
  await second.goto(page.url());
  await editor(second).waitFor();
  await replace(second, TEAM.replace("max_executors: 4", "max_executors: 5"));
  await page.bringToFront();
  await replace(page, CHANGED);
  await save(page);
  await eventually(() => readFile(path, "utf8"), CHANGED, "the first tab's text");
  await second.bringToFront();
  await underneath(second).getByText("was changed on disk").waitFor();
  await saveButton(second).click();
  await shown(second).getByText("2 lines added, 2 lines removed").waitFor();
  await inDialog(second, "Cancel").click();
  assert.equal(await readFile(path, "utf8"), CHANGED);
});

test("each tab keeps its own text over a reload, and a new tab finds both", async () => {
  const [mine, other] = ["19", "18"].map((most) => DEFAULT.replace("max_executors: 20", `max_executors: ${most}`));
  const { page, watched } = await open();
  await editor(page).waitFor();
  await replace(page, mine);
  await kept(page, mine);
  const second = await watched.page();
  await second.goto(page.url());
  assert.equal(await text(second), DEFAULT, "a text that a tab has stays with it");
  await replace(second, other);
  // At once: what is typed in the last moment is kept too.
  await second.reload();
  await page.reload();
  assert.equal(await text(page), mine);
  await notSaved(page).waitFor();
  await second.bringToFront();
  assert.equal(await text(second), other);

  // A tab that is closed leaves its text to the next one.
  await second.close({ runBeforeUnload: true });
  await eventually(() => second.isClosed(), true, "closed");
  const third = await watched.page();
  await third.goto(page.url());
  await eventually(() => text(third), other, "the closed tab's text");
  await startFrom(third, /^config\.yaml, not saved, in another tab/);
  await eventually(() => text(third), mine, "the other tab's text");
  await startFrom(third, "config.yaml, as it was before");
  await eventually(() => text(third), other, "and back");
});

test("a copy of a tab has a text of its own", async () => {
  const { page, watched } = await open();
  await editor(page).waitFor();
  const mine = DEFAULT.replace("max_executors: 20", "max_executors: 19");
  await replace(page, mine);
  await kept(page, mine);
  // The browser copies the tab's storage.
  const [copy] = await Promise.all([watched.context.waitForEvent("page"), page.evaluate(() => void window.open(location.href))]);
  await replace(copy, TEAM);
  await copy.reload();
  assert.equal(await text(copy), TEAM);
  await page.bringToFront();
  await page.reload();
  assert.equal(await text(page), mine);
});

test("the text of versions before, which all tabs had as one, is still there", async () => {
  const { page } = await open();
  await editor(page).waitFor();
  await page.evaluate((all) => {
    localStorage.clear();
    localStorage.setItem("sparkwright.policy", JSON.stringify(all));
    localStorage.setItem("sparkwright.policy-name", JSON.stringify("old.yaml"));
    // Without what the tab itself would leave.
    addEventListener("pagehide", () => Object.keys(localStorage).filter((it) => it.startsWith("sparkwright.draft.")).forEach((it) => localStorage.removeItem(it)));
  }, TEAM);
  await page.reload();
  await eventually(() => text(page), TEAM, "the old text");
  assert.match(await page.locator(".file-name").innerText(), /^old\.yaml/);
});

test("whoever leaves with a text that is not saved is asked, and nobody else", async (t) => {
  const { page } = await servedEditor(t);
  const asked = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    return dialog.accept();
  });
  await editor(page).click();
  await page.reload();
  await eventually(() => text(page), TEAM, "the file");
  assert.deepEqual(asked, []);
  await replace(page, CHANGED);
  await notSaved(page).waitFor();
  await page.reload();
  assert.deepEqual(asked, ["beforeunload"]);
  await eventually(() => text(page), CHANGED, "it is kept all the same");
  await save(page);
  await notSaved(page).waitFor({ state: "detached" });
  await page.reload();
  await eventually(() => text(page), CHANGED, "the file");
  assert.deepEqual(asked, ["beforeunload"]);
});

test("after a reload what is not saved is held against the file as it is then", async (t) => {
  const { page, path } = await servedEditor(t);
  await replace(page, CHANGED);
  await writeFile(path, THEIRS);
  await page.reload();
  await eventually(() => text(page), CHANGED, "the user's text");
  await told(page, "your changes to team.yaml from before are still here, and not saved");
  await underneath(page).getByText("was changed on disk").waitFor();
  await saveButton(page).click();
  await shown(page).getByText("2 lines added, 2 lines removed").waitFor();
});

test("texts that others took the place of are still there after a reload", async () => {
  const { page } = await open();
  await editor(page).waitFor();
  const mine = DEFAULT.replace("max_executors: 20", "max_executors: 19");
  await replace(page, mine);
  for (const title of ["The least that a policy needs", "Prices, a budget and rules"]) {
    await page.getByLabel("Examples").selectOption({ label: title });
  }
  await kept(page, mine);
  await page.reload();
  await startFrom(page, /^config\.yaml, not saved, from an earlier visit/);
  await eventually(() => text(page), mine, "the user's own");
});

test("a command that was started anew with another file never writes the text of the first over it", async (t) => {
  const { page, path, server } = await servedEditor(t);
  const port = new URL(server.url).port;
  await replace(page, CHANGED);
  await server.stop();
  const other = join(dirname(path), "other.yaml");
  await writeFile(other, THEIRS);
  await webFor(t, "--port", port, other);
  await page.evaluate(() => delete globalThis.showSaveFilePicker);
  const [download] = await Promise.all([page.waitForEvent("download"), saveButton(page).click()]);
  assert.equal(download.suggestedFilename(), "team.yaml");
  assert.equal(await readFile(other, "utf8"), THEIRS);
  await go(page, "Explore");
});
