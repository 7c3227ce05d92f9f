import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./equipment/browser.mjs";
import { web } from "./equipment/command.mjs";
import { eventually, go, ready } from "./equipment/parts.mjs";
import { TEAM } from "./equipment/policies.mjs";
import { RECORDED, RUNS } from "./equipment/runs.mjs";

const { open, served } = stage(() => web("--record", RECORDED));
/** A policy that has its executors grow slowly. */
const GUARDED = TEAM.replace("max_executors: 20 ", "guards: {max_growth_a_minute: 2}\n        max_executors: 20 ");

const moments = (page) => page.getByRole("region", { name: "Moments", exact: true }).locator("tbody tr");
const summary = (page) => page.locator(".progress[role=status]");

/** The page at a load that has been played. */
async function played(address = "#/timeline?environment=production") {
  const { page } = await open(address);
  await ready(page);
  await done(page);
  return page;
}

/** The same under a policy whose guards hold moves back. */
async function guarded(t) {
  const { page } = await served(t, GUARDED, "#/timeline?environment=production");
  await ready(page);
  await done(page);
  return page;
}

async function done(page) {
  await page.locator("figure.chart canvas").first().waitFor();
  await page.locator("progress").waitFor({ state: "detached" });
  await moments(page).first().waitFor();
}

async function enter(page, label, value) {
  await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByLabel(label, { exact: true }).press("Enter");
}

for (const example of ["One burst", "A wave each five minutes", "Steady work, then idle", "A few long tasks at the end"]) {
  test(`an example load is played: ${example}`, async () => {
    const page = await played();
    await page.getByLabel("Load", { exact: true }).selectOption({ label: example });
    await done(page);
    const chart = page.locator("figure.chart").first();
    for (const line of ["executors", "target", "pending tasks", "running tasks"]) await chart.getByRole("button", { name: line, exact: true }).waitFor();
    assert.ok((await moments(page).count()) > 1);
    // The policy's bounds hold at every moment.
    const targets = (await moments(page).locator("strong").allInnerTexts()).map(Number);
    assert.ok(targets.every((it) => it >= 4 && it <= 20), `${targets}`);
  });
}

test("each moment has its account, and what held a move back is named with its reason", async (t) => {
  const page = await guarded(t);
  const tab = page.getByRole("button", { name: /^Held back \(\d+\)/ });
  const count = Number(/\d+/.exec(await tab.innerText())[0]);
  assert.ok(count > 0);
  await tab.click();
  await eventually(() => moments(page).count(), Math.min(count, 100), "the moments at which a guard held a move back");
  for (const row of (await moments(page).all()).slice(0, 5)) {
    assert.match(await row.innerText(), /held it back from \d+: /);
    await row.getByRole("button", { name: /^Why/ }).click();
    await page.locator("#why .rule").waitFor();
  }
});

test("guards are marked in the chart where they held a move back", async (t) => {
  const page = await guarded(t);
  const chart = page.locator("figure.chart").first();
  await chart.getByRole("img").focus();
  await page.keyboard.press("Home");
  // Second by second over the burst, at whose beginning the guard on growth holds the ramp back.
  const said = [];
  while (said.length < 240 && !/held by/.test(said.at(-1) ?? "")) {
    await page.keyboard.press("ArrowRight");
    said.push(await chart.locator("[aria-live]").innerText());
  }
  assert.match(said.at(-1), /held by/, said.slice(-3).join("\n"));
});

test("another load gives another play, its address keeps it, and back is the one before", async () => {
  const page = await played();
  const before = await summary(page).innerText();
  await enter(page, "Wave 1, tasks", "9000");
  await eventually(async () => (await summary(page).innerText()) !== before && !(await page.locator("progress").count()), true, "another play");
  const after = await summary(page).innerText();
  await page.waitForURL(/load=/);
  await page.reload();
  await done(page);
  assert.equal(await page.getByLabel("Wave 1, tasks", { exact: true }).inputValue(), "9000");
  await eventually(() => summary(page).innerText(), after, "the same play");

  await page.getByRole("button", { name: "Add a wave" }).click();
  await page.getByLabel("Wave 2, tasks", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Remove wave 2" }).click();
  await page.getByLabel("Wave 2, tasks", { exact: true }).waitFor({ state: "detached" });
});

test("a load beyond reach is told, and the play stays", async () => {
  const page = await played();
  const before = await summary(page).innerText();
  await enter(page, "Executors at the start", "many");
  await page.locator(".told").getByText(/a number from \d+ to \d+ is wanted/).waitFor();
  assert.equal(await summary(page).innerText(), before);
});

test("the load of a recorded run is played by another policy", async () => {
  const { page } = await open(`#/runs/${RUNS["late arrivals"].run.application.id}`);
  await page.locator("article.run").waitFor();
  await go(page, "Timeline");
  await page.getByLabel("Load", { exact: true }).selectOption({ label: `the run late arrivals ${RUNS["late arrivals"].run.application.id}` });
  await done(page);
  await page.getByText("From what the run's controller saw").waitFor();
  await page.getByLabel("Environment", { exact: true }).selectOption("development");
  await done(page);
  const targets = (await moments(page).locator("strong").allInnerTexts()).map(Number);
  assert.ok(targets.every((it) => it <= 4), `development has at most 4: ${targets}`);
});

test("a long load tells how far it is, and the page answers meanwhile", async () => {
  const page = await played();
  // A slow machine: on this one even the longest load is played before there is progress to tell.
  const machine = await page.context().newCDPSession(page);
  await machine.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await enter(page, "Look at", "21600");
  await page.getByRole("progressbar", { name: "How much of the load is played" }).waitFor();
  // The page's own clock goes on in steps no longer than a few frames.
  const longest = await page.evaluate(async () => {
    let [last, most] = [performance.now(), 0];
    for (let frame = 0; frame < 30; frame += 1) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const now = performance.now();
      most = Math.max(most, now - last);
      last = now;
    }
    return most;
  });
  assert.ok(longest < 1000, `${longest} ms without a frame`);
  await go(page, "Policy");
});
