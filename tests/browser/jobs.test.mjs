import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { accessible, fits } from "./equipment/accessibility.mjs";
import { stage } from "./equipment/browser.mjs";
import { folder, sparkwright, web, webFor } from "./equipment/command.mjs";
import { keep, lesson } from "./equipment/lessons.mjs";
import { eventually, go, shows } from "./equipment/parts.mjs";
import { RECORDED } from "./equipment/runs.mjs";

/** A name with all that an address, a path or HTML could take for something else. */
const ODD = "größer/daily?a=1&b#c%20<b>";
const NIGHTS = [
  ["well", { executors: 4, run_ms: 600_000, input_bytes: 1_000_000_000, executor_heap_bytes: 4_294_967_296, gc_share: 0.04, work_task_ms: 9_000_000 }],
  ["failed", { executors: 4, run_ms: 60_000, input_bytes: 1_000_000_000, executor_heap_bytes: 4_294_967_296, lacked: "executor_heap" }],
  ["well", { executors: 3, run_ms: 660_000, scanned_bytes: 2_000_000_000, executor_heap_bytes: 6_442_450_944, spilled_bytes: 5_000_000, work_task_ms: 9_500_000 }],
];

const store = await mkdtemp(join(tmpdir(), "sparkwright-store-"));
after(() => rm(store, { recursive: true, force: true }));
await keep(store, [...NIGHTS.map(([ended, run], day) => lesson("nightly load", day, ended, run)), lesson(ODD, 0, "unknown", { executors: 1, run_ms: 5_000 })]);

const { open } = stage(() => web("--record", RECORDED, "--store", store));

const listed = (page) => page.getByRole("region", { name: "Jobs of the store" }).locator("tbody tr");
const job = (page) => page.getByRole("region", { name: "Job over time" });
const rows = (page, name) => job(page).getByRole("region", { name, exact: true }).locator("tbody tr");
const cells = (row) => row.locator("th, td").allInnerTexts();

async function opened(page, name) {
  await listed(page).getByRole("link", { name, exact: true }).click();
  await job(page).getByRole("heading", { name, exact: true }).waitFor();
}

test("the store's jobs are listed beside the runs: how many runs, the last, how it ended and how long it took", async () => {
  const { page } = await open("#/runs");
  await eventually(() => listed(page).count(), 2, "a row for each job");
  const [name, runs, last, ended, took] = await cells(listed(page).filter({ hasText: "nightly load" }));
  assert.deepEqual([name, runs, ended, took], ["nightly load", "3", "well", "11 min 0 s"]);
  assert.match(last, /^2026-05-0[234] \d\d:\d\d/);
  assert.equal((await cells(listed(page).filter({ hasText: "daily" })))[0], ODD);
  await page.getByRole("region", { name: "Runs of the server" }).waitFor();
});

test("a job opens with its runs, what they took as a chart, and what the next one starts with, as the command has it", async () => {
  const { page } = await open("#/runs");
  await opened(page, "nightly load");
  await eventually(() => rows(page, "Runs of the job").count(), 3, "a row for each run");
  const [newest, failed] = [await cells(rows(page, "Runs of the job").nth(0)), await cells(rows(page, "Runs of the job").nth(1))];
  assert.deepEqual(newest.slice(1), ["well", "1.9 GiB", "11 min 0 s", "3", "33 min 0 s", "6 GiB", "–", "4.8 MiB"]);
  assert.deepEqual([failed[1], failed[7]], ["failed: executor memory", "–"]);

  const { next } = JSON.parse(await sparkwright("jobs", "--store", store, "--json", "nightly load"));
  await eventually(() => rows(page, "The next run").count(), next.decisions.length, "a row for each decision");
  for (const [at, decision] of next.decisions.entries()) {
    const row = rows(page, "The next run").nth(at);
    assert.deepEqual((await cells(row)).slice(0, 2), [decision.title, decision.text]);
    assert.ok((await row.innerText()).includes(decision.why), decision.why);
  }
  await rows(page, "The next run").first().getByRole("button", { name: /^Why/ }).click();
  assert.equal(await page.locator("#why .rule").innerText(), next.decisions[0].trace.rule);

  const chart = job(page).locator("figure.chart");
  await chart.locator("canvas").waitFor();
  const plot = chart.getByRole("img");
  assert.match(await plot.getAttribute("aria-label"), /run time/i);
  await plot.focus();
  await page.keyboard.press("Home");
  const said = () => chart.locator("[aria-live]").innerText();
  await eventually(async () => /^Run 1: run time 10 min, executor time 40 min/.test(await said()), true, "the oldest run is read out");
  await page.keyboard.press("ArrowRight");
  await eventually(async () => /Run 2: .*failed/.test(await said()), true, "the second is one that failed");
});

test("a job has an address: it is loaded again, gone back from, and any name has one", async () => {
  const { page } = await open("#/runs");
  await opened(page, "nightly load");
  assert.match(page.url(), /#\/runs\?.*job=nightly\+load/);
  await page.reload();
  await job(page).getByRole("heading", { name: "nightly load" }).waitFor();
  await page.goBack();
  await job(page).waitFor({ state: "detached" });
  await opened(page, ODD);
  await eventually(() => rows(page, "Runs of the job").count(), 1, "its one run");
  await page.reload();
  await job(page).getByRole("heading", { name: ODD, exact: true }).waitFor();
  await job(page).getByRole("link", { name: "Back to runs and jobs" }).click();
  await job(page).waitFor({ state: "detached" });
  await eventually(() => listed(page).count(), 2, "the list again");
  await opened(page, "nightly load");
  await go(page, "Policy");
  await page.goBack();
  await job(page).getByRole("heading", { name: "nightly load" }).waitFor();
  await page.getByText("Runs on this machine").click();
  await page.getByRole("region", { name: "Runs of the server" }).getByRole("button", { name: /^Open/ }).first().click();
  await page.locator("article.run").waitFor();
  await job(page).waitFor({ state: "detached" });
});

test("a job that is not in the store is told, and where the policy can't be used the runs are there all the same", async (t) => {
  const { page, watched } = await open("#/runs?job=nowhere");
  watched.expect(/404/);
  await job(page).getByRole("alert").getByText("no run of `nowhere` has left a lesson in this store").waitFor();

  const policy = join(await folder(t), "team.yaml");
  await writeFile(policy, "autoscaling: {max_executors: 8}\n");
  const server = await webFor(t, policy, "--store", store);
  await writeFile(policy, "environments: [\n");
  const other = await open("#/runs?job=nightly+load", { url: server.url });
  await job(other.page).getByText("It is not known: the policy can't be used").waitFor();
  assert.equal(await rows(other.page, "Runs of the job").count(), 3);
});

test("without a store the list says how to have one; a store that refuses is told, and all else goes on", async (t) => {
  const bare = await webFor(t, "--record", RECORDED, "--store", "none");
  const { page } = await open("#/runs", { url: bare.url });
  await page.getByText("Jobs over time").click();
  await page.getByText(/there is no store of lessons.*sparkwright web --store URL/).waitFor();

  const denies = createServer((_, response) => response.writeHead(403).end());
  await new Promise((listens) => denies.listen(0, "127.0.0.1", listens));
  t.after(() => denies.close());
  const refused = await webFor(t, "--record", RECORDED, "--store", `http://127.0.0.1:${denies.address().port}/lessons`);
  const other = await open("#/runs", { url: refused.url });
  other.watched.expect(/502/);
  await other.page.getByRole("alert").getByText(/does not list the jobs/).waitFor();
  await other.page.getByRole("region", { name: "Runs of the server" }).waitFor();

  await other.page.getByRole("button", { name: "Look again" }).last().click();
  await shows(other.page, "Runs");
});

test("a store that hangs holds up nothing but its own list", async (t) => {
  const hangs = createServer(() => {});
  await new Promise((listens) => hangs.listen(0, "127.0.0.1", listens));
  t.after(() => {
    hangs.closeAllConnections();
    hangs.close();
  });
  const server = await webFor(t, "--record", RECORDED, "--store", `http://127.0.0.1:${hangs.address().port}/lessons`);
  const { page } = await open("#/runs", { url: server.url });
  await page.getByRole("region", { name: "Runs of the server" }).waitFor();
  await page.getByText("Asking the store for its jobs").waitFor({ state: "attached" });
  await go(page, "Explore");
});

test("axe finds nothing serious in the list and in a job, light and dark, and nothing scrolls sideways", async () => {
  const { page } = await open("#/runs");
  await listed(page).first().waitFor();
  for (const where of ["the list", "a job"]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await accessible(page, `${where}, ${colorScheme}`);
    }
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await fits(page, `${where}, ${width} px`);
    }
    if (where === "the list") await opened(page, "nightly load");
    await page.waitForLoadState("networkidle");
  }
});
