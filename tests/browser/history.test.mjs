import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";

import { stage } from "./equipment/browser.mjs";
import { web } from "./equipment/command.mjs";
import { editor, kept, replace, text } from "./equipment/editor.mjs";
import { eventually, go } from "./equipment/parts.mjs";
import { inRepository } from "./equipment/places.mjs";
import { DEFAULT, TEAM } from "./equipment/policies.mjs";
import { withPickers } from "./equipment/saving.mjs";

const { open, served } = stage(() => web("--record", "/nonexistent"));

const SMALL = readFileSync(inRepository("web/examples/small.yaml"), "utf8");
const CHANGED = TEAM.replace("max_executors: 20", "max_executors: 21");

/** Fails where anything can be undone or done again. */
async function begins(page, wanted) {
  await eventually(() => text(page), wanted, "what was opened");
  for (const keys of ["Control+z", "Control+y", "Control+Shift+z"]) {
    await editor(page).focus();
    await page.keyboard.press(keys);
    assert.equal(await text(page), wanted, keys);
  }
}

const choose = (page, label) => page.getByLabel("Examples").selectOption({ label });

test("what the page opens with can't be undone: the built-in policy, the file of the command", async (t) => {
  const { page } = await open();
  await begins(page, DEFAULT);
  const { page: other } = await served(t, TEAM);
  await begins(other, TEAM);
});

test("an example, a file, a link and a text of before each begin a history of their own", async () => {
  const { page } = await open();
  await replace(page, TEAM);
  await choose(page, "The least that a policy needs");
  await begins(page, SMALL);

  await withPickers(page, "own.yaml", CHANGED);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await begins(page, CHANGED);

  const packed = (await promisify(deflateRaw)(TEAM)).toString("base64url");
  await page.evaluate((it) => (location.hash = it), `#/policy?v=1&name=shared.yaml&policy=${packed}`);
  await begins(page, TEAM);

  await choose(page, "The default policy");
  await begins(page, DEFAULT);
  await choose(page, "own.yaml, as it was before");
  await begins(page, CHANGED);
});

test("a document that is opened in another view begins anew too, also one with the very same text", async () => {
  const { page } = await open();
  await replace(page, SMALL);
  await go(page, "Environments");
  await choose(page, "The least that a policy needs");
  await go(page, "Policy");
  await begins(page, SMALL);
});

test("what the file's own Reload brings can't be undone", async (t) => {
  const { page } = await served(t, TEAM);
  await eventually(() => text(page), TEAM, "the file");
  await replace(page, CHANGED);
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  await begins(page, TEAM);
});

test("after a reload there is nothing behind the text that was kept", async (t) => {
  const { page } = await served(t, TEAM);
  await eventually(() => text(page), TEAM, "the file");
  await replace(page, CHANGED);
  await kept(page, CHANGED);
  await page.reload();
  await begins(page, CHANGED);
});

test("what a form changes is undone and done again, and no more than that", async (t) => {
  const { page } = await served(t, TEAM);
  await eventually(() => text(page), TEAM, "the file");
  const field = page.getByLabel("max_executors", { exact: true });
  await field.fill("21");
  await field.press("Enter");
  await eventually(() => text(page), CHANGED, "the form's change");
  await page.keyboard.press("Control+z");
  assert.equal(await text(page), TEAM);
  await page.keyboard.press("Control+z");
  assert.equal(await text(page), TEAM, "not behind the file");
  await page.keyboard.press("Control+y");
  assert.equal(await text(page), CHANGED);
});
