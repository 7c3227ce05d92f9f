import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { stage } from "./equipment/browser.mjs";
import { web } from "./equipment/command.mjs";
import { caretAt, caretLine, editor, kept, marks, replace, text } from "./equipment/editor.mjs";
import { eventually, go, told } from "./equipment/parts.mjs";
import { inRepository } from "./equipment/places.mjs";
import { DEFAULT, TEAM, lineOf } from "./equipment/policies.mjs";

const { open, served } = stage(() => web("--record", "/nonexistent"));

const problems = (page) => page.locator(".problems li");

test("the page opens with the default policy, and a served file is opened in its place", async (t) => {
  const { page } = await open();
  assert.equal(await text(page), DEFAULT);
  const { page: other } = await served(t, TEAM);
  assert.equal(await text(other), TEAM);
  assert.match(await other.title(), /team\.yaml/);
});

test("a mistake is marked at its line, listed, and gone when it is undone", async (t) => {
  const { page } = await served(t, TEAM);
  await editor(page).waitFor();
  await page.getByText("No problem found").waitFor();
  const line = lineOf(TEAM, "min_executors: 4") + 1;
  await caretAt(page, line - 1);
  await page.keyboard.press("Enter");
  await page.keyboard.type("max_executor: 9");
  await eventually(() => marks(page), [{ text: "max_executor", line: "max_executor: 9" }], "one mark at the key");
  const problem = problems(page).filter({ hasText: `${line}:9` });
  assert.match(await problem.innerText(), /max_executor.*max_executors/s, "the nearest key is named");
  await page.getByText("1 error ·").waitFor();

  await page.keyboard.press("Control+Home");
  await problem.getByRole("button").click();
  await eventually(() => caretLine(page), line, "the list leads to the line");
  assert.ok(await editor(page).evaluate((it) => it.getRootNode().activeElement === it));

  while ((await text(page)) !== TEAM) await page.keyboard.press("Control+z");
  await eventually(() => marks(page), [], "no mark");
  await page.getByText("No problem found").waitFor();
});

test("keys are completed and explained from the policy's schema", async (t) => {
  const { page } = await served(t, TEAM);
  await caretAt(page, lineOf(TEAM, "min_executors: 4"));
  await page.keyboard.press("Enter");
  await page.keyboard.type("enable_auto");
  const offered = page.getByRole("option", { name: /enable_autoscaling/ });
  await offered.waitFor();
  await page.keyboard.press("Escape");
  await offered.waitFor({ state: "detached" });

  await page.locator(".cm-line").filter({ hasText: "min_executors: 4" }).getByText("min_executors").hover();
  await page.locator(".cm-tooltip").getByText("Never fewer executors than this").waitFor();
});

test("the text survives a reload, with its name", async () => {
  const { page } = await open();
  await replace(page, TEAM);
  await kept(page, TEAM);
  await page.reload();
  assert.equal(await text(page), TEAM);
});

test("a visit to another view does not end what can be undone", async () => {
  const { page } = await open();
  await replace(page, TEAM);
  await go(page, "Environments");
  await go(page, "Policy");
  assert.equal(await text(page), TEAM);
  await page.keyboard.press("Control+z");
  assert.equal(await text(page), DEFAULT);
});

for (const [title, file] of [
  ["The least that a policy needs", "small.yaml"],
  ["Prices, a budget and rules", "budget.yaml"],
  ["In the layout of the Python original", "reference.yaml"],
]) {
  test(`an example to start from: ${file}`, async () => {
    const { page } = await open();
    await editor(page).waitFor();
    await page.getByLabel("Examples").selectOption({ label: title });
    const wanted = readFileSync(inRepository(`web/examples/${file}`), "utf8");
    await eventually(() => text(page), wanted, "the example's text");
    await page.getByText(/No problem found|0 errors · 0 warnings/).waitFor();
  });
}

test("a text that the browser can't keep is told", async () => {
  const { page } = await open();
  await replace(page, `# ${"x".repeat(6_000_000)}\n`);
  await told(page, "too large for the browser to keep");
});
