import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./equipment/browser.mjs";
import { web } from "./equipment/command.mjs";
import { caretLine } from "./equipment/editor.mjs";
import { eventually, shows } from "./equipment/parts.mjs";
import { TEAM, lineOf } from "./equipment/policies.mjs";

const { open, served } = stage(() => web("--record", "/nonexistent"));

/** The cells of a key's row, its name first. */
const row = (page, key) => page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: key }) });

test("development, staging and production stand side by side, differences marked", async () => {
  const { page } = await open("#/environments");
  const heads = await page.getByRole("columnheader").allInnerTexts();
  assert.deepEqual(heads.map((it) => it.split(/\s/)[0]), ["Key", "development", "staging", "production"]);
  const most = row(page, "autoscaling.max_executors");
  assert.deepEqual((await most.getByRole("cell").locator(".cell").allInnerTexts()), ["4", "10", "20"]);
  assert.ok(await most.evaluate((it) => it.classList.contains("differs")));
  const shown = await page.getByRole("row").count();
  await page.getByLabel(/Show the \d+ keys/).check();
  assert.ok((await page.getByRole("row").count()) > shown + 20);
  assert.ok(!(await row(page, "monitoring.performance_history_size").evaluate((it) => it.classList.contains("differs"))));
});

test("a difference is told without colour too", async () => {
  const { page } = await open("#/environments");
  await row(page, "autoscaling.max_executors").getByText(/differs/i).waitFor({ state: "attached" });
});

test("what production does and the others never show is listed, and leads to its line", async (t) => {
  const cached = TEAM.replace(
    "      autoscaling: {min_executors: 1,   max_executors: 4}   # one machine",
    "      autoscaling: {min_executors: 1,   max_executors: 4}   # one machine\n      temp_tables: {enable_caching: false}",
  );
  const { page } = await served(t, cached, "#/environments");
  const lint = page.locator(".lints li").filter({ hasText: /cach/i }).first();
  await lint.waitFor();
  const line = Number(/line (\d+)/.exec(await lint.innerText())[1]);
  await lint.getByRole("link").click();
  await shows(page, "Policy");
  await eventually(() => caretLine(page), line, "the caret is at the line");
  assert.ok(line >= lineOf(cached, "environments:"));
});

test("a policy without environments has one column", async (t) => {
  const { page } = await served(t, "global_optimization: {autoscaling: {max_executors: 7}}\n", "#/environments");
  assert.deepEqual((await row(page, "autoscaling.max_executors").getByRole("cell").locator(".cell").allInnerTexts()), ["7"]);
  assert.equal(await page.getByRole("columnheader").count(), 2);
});

test("an environment with errors is said to have them, and the others stand", async (t) => {
  const wrong = TEAM.replace("max_executors: 4}", "max_executors: 0}").replace("max_executors: 20", "max_executors: 21");
  const { page } = await served(t, wrong, "#/environments");
  await page.getByText(/1 error/).first().waitFor();
  await row(page, "autoscaling.max_executors").getByText("21", { exact: true }).waitFor();
  await page.getByRole("columnheader", { name: /development/ }).getByText("has errors").waitFor();
});
