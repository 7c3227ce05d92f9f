import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./equipment/browser.mjs";
import { web } from "./equipment/command.mjs";
import { caretAt, editor, replace, text } from "./equipment/editor.mjs";
import { eventually } from "./equipment/parts.mjs";
import { TEAM, lineOf } from "./equipment/policies.mjs";

const { served } = stage(() => web("--record", "/nonexistent"));

/** The page with the team's policy, and a way to its knobs. */
async function team(t) {
  const { page } = await served(t, TEAM);
  await editor(page).waitFor();
  const forms = page.getByRole("region", { name: "Policy as forms" });
  const field = (name) => forms.getByLabel(name, { exact: true });
  const knob = (name) => forms.locator(".knob").filter({ has: page.getByLabel(name, { exact: true }) });
  const values = async (layer) => forms.getByLabel("Values for").selectOption({ label: layer });
  await values("production");
  return { page, forms, field, knob, values };
}

async function enter(field, value) {
  await field.fill(value);
  await field.press("Enter");
}

test("a file opens at its own default environment", async (t) => {
  const { page } = await served(t, TEAM);
  await editor(page).waitFor();
  await eventually(() => page.getByLabel("Environment", { exact: true }).inputValue(), "production", "its default_environment");
  await eventually(() => page.getByRole("region", { name: "Policy as forms" }).getByLabel("max_executors", { exact: true }).inputValue(), "20", "its values");
});

test("a changed control changes its line and nothing else", async (t) => {
  const { page, field } = await team(t);
  assert.equal(await field("max_executors").inputValue(), "20");
  await enter(field("max_executors"), "32");
  const wanted = TEAM.replace("max_executors: 20     # what", "max_executors: 32     # what");
  await eventually(() => text(page), wanted, "one line differs, its comment is there");

  await field("optimization_target").selectOption("memory");
  await eventually(() => text(page), wanted.replace("quality # slow", "memory # slow"), "a choice");
});

test("a value in a flow map keeps the map's layout", async (t) => {
  const { page, field, values } = await team(t);
  await values("development");
  await enter(field("max_executors"), "6");
  await eventually(() => text(page), TEAM.replace("max_executors: 4}", "max_executors: 6}"), "within the braces");
});

test("each value tells its layer, and goes back to the layer below", async (t) => {
  const { page, field, knob, values } = await team(t);
  assert.equal(await knob("min_executors").locator(".origin").innerText(), "environment");
  assert.equal(await knob("executor_hour_price").locator(".origin").innerText(), "built-in");

  await values("every environment");
  await enter(field("min_executors"), "3");
  await knob("min_executors").getByText("global").waitFor();
  await values("production");
  assert.equal(await field("min_executors").inputValue(), "4");
  await knob("min_executors").getByRole("button", { name: /^Reset/ }).click();
  await eventually(() => field("min_executors").inputValue(), "3", "the value for every environment");
  await knob("min_executors").getByText("global").waitFor();

  await values("every environment");
  await knob("min_executors").getByRole("button", { name: /^Reset/ }).click();
  await eventually(() => field("min_executors").inputValue(), "2", "the built-in value");
  await knob("min_executors").getByText("built-in").waitFor();
  const comments = (it) => it.split("\n").flatMap((line) => /#.*/.exec(line)?.[0] ?? []);
  assert.deepEqual(comments(await text(page)), comments(TEAM));
});

test("a value whose line has a comment is not taken out by the form: the comment would go with it", async (t) => {
  const { page, knob } = await team(t);
  await knob("max_executors").getByRole("button", { name: /^Reset/ }).click();
  await knob("max_executors").getByText(/change it in the text/).waitFor();
  assert.equal(await text(page), TEAM);
});

test("what a key does not take is told, and the text stays", async (t) => {
  const { page, field, knob } = await team(t);
  await enter(field("max_executors"), "many");
  await knob("max_executors").locator(".told").getByText(/needed/).waitFor();
  assert.equal(await field("max_executors").getAttribute("aria-invalid"), "true");
  assert.equal(await text(page), TEAM);
});

test("what is written in the text stands in the control, and the other way round, in one history", async (t) => {
  const { page, field } = await team(t);
  await caretAt(page, lineOf(TEAM, "target_processing_time_minutes"));
  await page.keyboard.type("0");
  await eventually(() => field("target_processing_time_minutes").inputValue(), "600", "typed in the text");
  await enter(field("target_processing_time_minutes"), "90");
  const changed = TEAM.replace("minutes: 60", "minutes: 90");
  await eventually(() => text(page), changed, "written by the form");
  await page.keyboard.press("Control+z");
  await eventually(() => field("target_processing_time_minutes").inputValue(), "600", "the form's change is undone");
  await page.keyboard.press("Control+z");
  await eventually(() => text(page), TEAM, "and what was typed before it");
  await page.keyboard.press("Control+y");
  await eventually(() => field("target_processing_time_minutes").inputValue(), "600", "and done again");
});

test("a mistake in the text keeps the forms, which tell it", async (t) => {
  const { page, field } = await team(t);
  await replace(page, TEAM.replace("max_executors: 20", "max_executors: many"));
  await page.getByText("1 error ·").waitFor();
  await enter(field("max_executors"), "25");
  await eventually(() => text(page), TEAM.replace("max_executors: 20", "max_executors: 25"), "the form mends it");
});

test("keys are found by name and by meaning", async (t) => {
  const { page, forms } = await team(t);
  const knobs = forms.locator(".knob");
  const all = await knobs.count();
  assert.ok(all > 50, `${all} knobs`);
  await page.getByLabel("Find a key").fill("garbage collection");
  await eventually(() => knobs.count(), 1, "one key is about garbage collection");
  await forms.getByLabel("pause_above_gc").waitFor();
  await page.getByLabel("Find a key").fill("elephants");
  await forms.getByText("No key has `elephants`").waitFor();
});
