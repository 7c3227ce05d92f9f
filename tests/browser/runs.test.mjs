import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { stage } from "./equipment/browser.mjs";
import { folder, web, webFor } from "./equipment/command.mjs";
import { liveRun } from "./equipment/live-run.mjs";
import { eventually, go, ready, shows, told } from "./equipment/parts.mjs";
import { pageFolder } from "./equipment/places.mjs";
import { RECORDED, RUNS } from "./equipment/runs.mjs";
import { site } from "./equipment/site.mjs";

const { open } = stage(() => web("--record", RECORDED));

/** A page of a static host, at its runs, where a file is chosen as in any browser. */
async function fromFile(t, ...paths) {
  const host = await site({ "/": pageFolder });
  t.after(() => host.stop());
  const { page } = await open("#/runs", { url: host.url });
  await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
  await page.evaluate(() => delete globalThis.showOpenFilePicker);
  for (const path of paths) await choose(page, path);
  return page;
}

async function choose(page, path) {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Open a run.json" }).click()]);
  await chooser.setFiles(path);
}

const run = (page) => page.locator("article.run");
const decisions = (page) => run(page).getByRole("region", { name: "Decisions over time" }).locator("tbody tr");
const region = (page, name) => run(page).getByRole("region", { name, exact: true });

test("a run.json of real Spark is opened: what it was, its sums, its policy and module", async (t) => {
  const { file, run: recorded } = RUNS.sleepers;
  const page = await fromFile(t, file);
  const overview = region(page, "What the run was");
  await overview.getByRole("heading", { name: /sleepers/ }).waitFor();
  const words = await overview.innerText();
  for (const part of [recorded.application.id, recorded.application.spark, recorded.application.master, "ended", String(recorded.totals.tasks)]) {
    assert.ok(words.includes(part), `${part} in ${words}`);
  }
  assert.ok(words.includes(recorded.policy.resolved_sha256.slice(0, 12)));
  assert.equal(await run(page).getAttribute("data-run"), recorded.application.id);
});

test("every decision of it is there, with its account and what came of it", async (t) => {
  const { file, run: recorded } = RUNS.sleepers;
  const page = await fromFile(t, file);
  const rows = decisions(page);
  await eventually(() => rows.count(), recorded.decisions.length, "a row for each decision");
  for (const [at, decision] of recorded.decisions.entries()) {
    const row = rows.nth(at);
    assert.equal(await row.getByRole("cell").first().innerText(), String(decision.number));
    if (decision.outcome !== undefined) assert.ok((await row.innerText()).includes(decision.outcome), decision.outcome);
    await row.getByRole("button", { name: /^Why/ }).click();
    assert.equal(await page.locator("#why .rule").innerText(), decision.trace.rule);
    await page.getByRole("complementary", { name: /^Why/ }).getByText(decision.trace.formula, { exact: true }).waitFor();
  }
});

test("decisions are found by point, by name and by words", async (t) => {
  const { file, run: recorded } = RUNS["late arrivals"];
  const page = await fromFile(t, file);
  const count = (is) => recorded.decisions.filter(is).length;
  await page.getByLabel("Decision point").selectOption("control");
  await eventually(() => decisions(page).count(), count((it) => it.point === "control"), "the controller's");
  await page.getByLabel("Applied", { exact: true }).selectOption("yes");
  await eventually(() => decisions(page).count(), count((it) => it.point === "control" && it.applied), "those that were applied");
  await page.getByLabel("Find in subject or outcome").fill("no such words");
  await run(page).getByText("No decision is like this").waitFor();
});

test("executors over time are drawn against the tasks that wait, and can be read by keyboard", async (t) => {
  const page = await fromFile(t, RUNS.sleepers.file);
  const chart = run(page).locator("figure.chart").first();
  await chart.locator("canvas").waitFor();
  const plot = chart.getByRole("img");
  assert.match(await plot.getAttribute("aria-label"), /executors/i);
  await plot.focus();
  await page.keyboard.press("End");
  await eventually(async () => /executor/.test(await chart.locator("[aria-live]").innerText()), true, "the last value is read out");
});

test("the review says what the time went to and what would have saved some, as the record has it", async (t) => {
  const { file, run: recorded } = RUNS.waves;
  const page = await fromFile(t, file);
  const review = region(page, "Review");
  const { answer, causes, advice } = recorded.review.found;
  await review.getByText(answer, { exact: true }).waitFor();
  const rows = (name) => review.getByRole("region", { name, exact: true }).locator("tbody tr");
  await eventually(() => rows("Causes").count(), causes.length, "a row for each cause");
  assert.ok(causes.length > 3, "the record has some");
  const first = await rows("Causes").first().innerText();
  for (const part of [causes[0].title, `${Math.round(causes[0].share * 100)} %`]) assert.ok(first.includes(part), `${part} in ${first}`);
  assert.equal(await rows("Executor time").count(), 0, "its version took no executor time apart");
  if (advice.length === 0) await review.getByText("No key is known that would have saved 5 % of it.").waitFor();
  else await eventually(() => rows("Advice").count(), advice.length, "a row for each advice");
});

test("the review takes the executors' time apart, with what each part cost", async (t) => {
  const { run: recorded } = RUNS.waves;
  const work = [
    { query: 3, what: "count at flights.py:12", executor_ms: 60_000 },
    { job: 7, what: "treeAggregate at RDD.scala:1", executor_ms: 20_000 },
    { query: 4, what: "", executor_ms: 100 },
  ];
  const executor_time = { whole_ms: 100_000, work, others: 2, others_ms: 900, pinned_ms: 4_000, idle_ms: 15_000 };
  const cost = { ...recorded.review.answer.trend, value: { executor_ms: 100_000, micros: 2_000_000 } };
  const { answer, found } = recorded.review;
  const review = { ...recorded.review, answer: { ...answer, report: { ...answer.report, cost } }, found: { ...found, executor_time } };
  const file = join(await folder(t), "run.json");
  await writeFile(file, JSON.stringify({ ...recorded, review }));
  const page = await fromFile(t, file);
  const shown = region(page, "Review");
  await shown.getByRole("heading", { name: "What the executors' time went to, 1 min 40 s in all", exact: true }).waitFor();
  const rows = shown.getByRole("region", { name: "Executor time", exact: true }).locator("tbody tr");
  assert.deepEqual((await rows.allInnerTexts()).map((text) => text.split("\t")), [
    ["query 3, count at flights.py:12", "1 min 0 s", "60 %", `1.20 ${recorded.review.currency}`],
    ["job 7, treeAggregate at RDD.scala:1", "20.0 s", "20 %", `0.40 ${recorded.review.currency}`],
    ["query 4", "100 ms", "0 %", `0.002 ${recorded.review.currency}`],
    ["other queries and jobs", "900 ms", "1 %", `0.02 ${recorded.review.currency}`],
    ["idle, with cached blocks", "4.0 s", "4 %", `0.08 ${recorded.review.currency}`],
    ["idle", "15.0 s", "15 %", `0.30 ${recorded.review.currency}`],
  ]);
});

test("a record of an older version says where its review is to be had", async (t) => {
  const { file, run: recorded } = RUNS.sleepers;
  const page = await fromFile(t, file);
  await region(page, "Review").getByText(`sparkwright review ${recorded.application.id}`).waitFor();
});

test("two runs stand side by side", async (t) => {
  const page = await fromFile(t, RUNS.sleepers.file);
  await region(page, "Comparison").getByText("Open a second run").waitFor();
  await choose(page, RUNS["late arrivals"].file);
  await page.getByRole("list", { name: "Open runs" }).getByRole("link", { name: /late arrivals/ }).waitFor();
  await region(page, "Comparison").getByLabel("Compare with").selectOption(RUNS.sleepers.run.application.id);
  const table = page.getByRole("region", { name: "Two runs side by side" });
  const cells = await table.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "Tasks", exact: true }) }).getByRole("cell").allInnerTexts();
  assert.deepEqual(cells.slice(0, 2), [RUNS.sleepers, RUNS["late arrivals"]].map((it) => String(it.run.totals.tasks)));
});

test("a run that was dropped on any view is opened", async () => {
  const { page } = await open("#/explore");
  await ready(page);
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [RUNS["late arrivals"].file], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, x: 200, y: 200, data });
  await shows(page, "Runs");
  await run(page).getByRole("heading", { name: /late arrivals/ }).waitFor();
});

test("a cut record is told with what to do, and a run that is open stays", async (t) => {
  const page = await fromFile(t, RUNS.sleepers.file);
  const whole = await readFile(RUNS["late arrivals"].file, "utf8");
  const cut = join(await folder(t), "run.json");
  await writeFile(cut, whole.slice(0, whole.length / 2));
  await choose(page, cut);
  await told(page, /run\.json.*cut on its way/);
  await run(page).getByRole("heading", { name: /sleepers/ }).waitFor();
});

test("the server's runs are listed, opened, and have an address", async () => {
  const { page } = await open("#/runs");
  const listed = page.getByRole("region", { name: "Runs of the server" }).locator("tbody tr");
  await eventually(() => listed.count(), Object.keys(RUNS).length, "a row for each run");
  await listed.filter({ hasText: "late arrivals" }).getByRole("button", { name: /^Open/ }).click();
  await run(page).getByRole("heading", { name: /late arrivals/ }).waitFor();
  const address = `#/runs/${RUNS["late arrivals"].run.application.id}`;
  await page.waitForURL((url) => url.hash.startsWith(address));
  await page.reload();
  await run(page).getByRole("heading", { name: /late arrivals/ }).waitFor();
  await page.getByRole("button", { name: /^Close the run/ }).click();
  await run(page).waitFor({ state: "detached" });
});

test("an address of a run that is not there is told", async () => {
  const { page, watched } = await open("#/runs/app-nowhere");
  watched.expect(/404/);
  await told(page, /app-nowhere/);
});

test("--watch shows a run that begins, each change of it, and its end", async (t) => {
  const runs = await folder(t);
  const server = await webFor(t, "--record", runs, "--watch");
  const { page, watched } = await open("", { url: server.url });
  await shows(page, "Runs");
  // Until the run begins there is none to ask for.
  watched.expect(/404/);
  const live = await liveRun(runs, server.pid);
  await run(page).getByRole("heading", { name: /sleepers/ }).waitFor();
  const state = run(page).locator(".overview .state");
  assert.equal(await state.innerText(), "running");
  const rows = decisions(page);
  const made = (upTo) => live.journal.slice(0, upTo).filter((line) => JSON.parse(line).change === "decision").length;

  const launch = await live.growTo((line) => line.change === "decision");
  await eventually(() => rows.count(), 1, "the first decision");
  const outcome = await live.growTo((line) => line.change === "outcome");
  await eventually(() => rows.count(), made(outcome.line), "those up to the first outcome");
  assert.ok(launch.line < outcome.line);
  await live.finish();
  await eventually(() => state.innerText(), "ended", "its end");
  await eventually(() => rows.count(), RUNS.sleepers.run.decisions.length, "every decision");
  const served = await (await page.request.get(`${server.url}runs/${live.id}.json`)).json();
  assert.deepEqual(served.executors, RUNS.sleepers.run.executors, "every executor that came and went, from the journal alone");
});

test("--watch with a name follows the run that is meant", async (t) => {
  const runs = await folder(t);
  const first = await webFor(t, "--record", runs);
  const live = await liveRun(runs, first.pid);
  const server = await webFor(t, "--record", runs, "--watch", live.id);
  const { page } = await open("", { url: server.url });
  await run(page).getByRole("heading", { name: /sleepers/ }).waitFor();
  await live.finish();
  await eventually(() => run(page).locator(".overview .state").innerText(), "ended", "its end");
  await go(page, "Policy");
});
