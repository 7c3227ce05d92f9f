import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./equipment/browser.mjs";
import { policyFile, sparkwright, web } from "./equipment/command.mjs";
import { copied, decision, eventually, go, planJson, ready, told } from "./equipment/parts.mjs";
import { TEAM } from "./equipment/policies.mjs";

const { open, served } = stage(() => web("--record", "/nonexistent"));

/** The page at a job of the team's policy, and what the command plans for the same facts. */
async function explore(t, query = "", policy = TEAM) {
  const { page, path } = await served(t, policy, `#/explore?environment=production${query}`);
  await decision(page, "executors").waitFor();
  const plan = (...facts) => sparkwright("plan", "--policy", path, "--environment", "production", "--json", ...facts);
  return { page, plan };
}

/** The input's size to the byte, as the address holds it. */
async function size(page) {
  const query = new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
  return query.get("input") ?? "100000000000";
}

test("the page runs the host's policy.wasm", async () => {
  const { page } = await open("#/explore");
  const { module } = JSON.parse(await sparkwright("inspect", "--json"));
  assert.equal(await ready(page), module.sha256);
  assert.match(await page.locator("[data-sha256]").innerText(), new RegExp(module.sha256.slice(0, 12)));
});

test("a moved slider gives the command's plan for the same facts, byte for byte", async (t) => {
  const { page, plan } = await explore(t);
  const slider = page.getByRole("slider", { name: /Size slider/ });
  const before = await planJson(page);
  assert.equal(before, await plan("--input-bytes", "100GB"));
  const seen = new Set([before]);
  for (const place of ["0", "137", "512", "750", "1000"]) {
    await slider.fill(place);
    await page.waitForFunction((it) => document.getElementById("size-slider").value === it, place);
    const bytes = await size(page);
    const shown = await planJson(page);
    assert.equal(shown, await plan("--input-bytes", bytes), `${place}: ${bytes} bytes`);
    seen.add(shown);
  }
  assert.ok(seen.size > 3, "the plans differ");
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  await eventually(() => slider.inputValue(), "999", "by keyboard too");
  assert.equal(await planJson(page), await plan("--input-bytes", await size(page)));
});

test("the page shows each decision that the command lists, with its title and value", async (t) => {
  const { page, plan } = await explore(t, "&input=5000000000000&stage=preprocessing");
  const { decisions } = JSON.parse(await plan("--input-bytes", "5TB", "--stage-type", "preprocessing"));
  const shown = await page
    .locator("[data-decision]:not([data-decision^=stage_])")
    .evaluateAll((cards) => cards.map((it) => [it.dataset.decision, it.querySelector("h3").innerText, it.querySelector(".value").innerText.trim()]));
  assert.deepEqual(shown, decisions.map((it) => [it.name, it.title, it.text.replace(", ", " ")]));
  assert.ok(shown.length >= 11, "all of a launch plan");
  assert.ok((await page.locator("[data-decision^=stage_]").count()) >= 7, "and those of the stage");
});

test("every fact of the form is the command's option of the same meaning", async (t) => {
  const { page, plan } = await explore(t);
  const enter = async (label, value) => {
    await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByLabel(label, { exact: true }).press("Enter");
  };
  await enter("Input size", "2.5TB");
  await page.getByLabel("Workload").selectOption("etl");
  await page.getByLabel("Optimize for").selectOption("speed");
  await enter("Result read", "3");
  await page.getByLabel("Stage", { exact: true }).selectOption("model_training");
  await enter("Machines", "4x16x64GiB");
  const facts = ["--input-bytes", "2.5TB", "--type", "etl", "--target", "speed", "--uses", "3", "--stage-type", "model_training", "--nodes", "4x16x64GiB"];
  assert.equal(await planJson(page), await plan(...facts));

  await enter("Rows", "1000000");
  await enter("Key skew", "7");
  await page.getByLabel("Read next by").selectOption("equi_join");
  await page.getByRole("heading", { name: "The stage" }).waitFor();
  await decision(page, "stage_executors").waitFor();
});

test("earlier runs teach the page's plan as they teach the command's", async (t) => {
  const history = { runs: [2, 4, 8, 16].map((executors) => ({ executors, run_ms: 10_000 + 400_000 / executors })) };
  const { page, plan } = await explore(t);
  await page.getByText("Earlier runs", { exact: true }).click();
  await page.getByRole("textbox", { name: /sparkwright history/ }).fill(JSON.stringify(history));
  await page.getByRole("textbox", { name: /sparkwright history/ }).blur();
  await decision(page, "run_time").waitFor();
  const file = await policyFile(t, JSON.stringify(history), "history.json");
  assert.equal(await planJson(page), await plan("--input-bytes", "100GB", "--history", file));
});

test("what is not a size is told, and the plan stays", async (t) => {
  const { page, plan } = await explore(t);
  await page.getByLabel("Input size").fill("a lot");
  await page.getByLabel("Input size").press("Enter");
  await page.locator(".told").getByText(/`a lot` is not a size/).waitFor();
  assert.equal(await planJson(page), await plan("--input-bytes", "100GB"));
});

test("the address keeps the job, and back goes to the view before", async (t) => {
  const { page } = await explore(t);
  await page.getByLabel("Workload").selectOption("query");
  await page.waitForURL(/type=query/);
  await go(page, "Timeline");
  await page.goBack();
  await decision(page, "executors").waitFor();
  assert.equal(await page.getByLabel("Workload").inputValue(), "query");
  await page.reload();
  assert.equal(await page.getByLabel("Workload").inputValue(), "query");
});

test("every number opens its account: rule, formula, inputs, bounds, grade, what would change it", async (t) => {
  const { page, plan } = await explore(t, "&input=5000000000000");
  const { trace, grade } = JSON.parse(await plan("--input-bytes", "5TB")).executors;
  const card = page.locator("[data-decision=executors]");
  await card.getByRole("button", { name: /^Why/ }).click();
  const account = page.getByRole("complementary", { name: /^Why Executors is/ });
  const words = await account.innerText();
  for (const part of [trace.rule, trace.formula, grade, ...trace.inputs.map((it) => it.name), ...trace.bounds.map((it) => it.name)]) {
    assert.ok(words.includes(part), `${part} in ${words}`);
  }
  assert.match(words, /Computed/);
  assert.match(words, /It would be different/);
  assert.ok(await account.evaluate((it) => it === document.activeElement), "it has the focus");
  const copy = await copied(page, account.getByRole("button", { name: "Copy as text" }), "the account is copied");
  assert.ok(copy.includes(trace.formula));
  await account.focus();
  await page.keyboard.press("Escape");
  await account.waitFor({ state: "detached" });

  const buttons = page.locator(".card").getByRole("button", { name: /^Why/ });
  assert.equal(await buttons.count(), await page.locator(".card").count());
  for (const button of await buttons.all()) {
    await button.click();
    await page.locator("#why .rule").waitFor();
  }
});

test("an executor's memory is a picture whose parts are the whole", async (t) => {
  const { page } = await explore(t);
  const memory = page.getByRole("region", { name: "Memory of one executor" });
  const widths = await memory.locator("rect").evaluateAll((found) => found.map((it) => Number(it.getAttribute("width"))));
  assert.equal(widths.length, 5);
  assert.ok(Math.abs(widths.reduce((sum, it) => sum + it, 0) - 1000) < 0.1, `${widths}`);
  assert.equal(await memory.getByRole("listitem").count(), 5);
});

test("the configurations are copied in each form", async (t) => {
  const { page, plan } = await explore(t);
  const confs = Object.entries(JSON.parse(await plan("--input-bytes", "100GB")).confs);
  assert.ok(confs.length > 3);
  const section = page.getByRole("region", { name: "Spark configurations" });
  const copy = section.getByRole("button", { name: "Copy", exact: true });
  for (const [form, line] of [
    ["--conf lines", ([key, { value }]) => `--conf ${key}=${value}`],
    ["spark-defaults.conf", ([key, { value }]) => `${key} ${value}`],
    ["Python", ([key, { value }]) => `.config("${key}", "${value}")`],
  ]) {
    await section.getByRole("button", { name: form }).click();
    const written = await copied(page, copy, "the configurations are copied");
    for (const conf of confs) assert.ok(written.includes(line(conf)), `${line(conf)} in ${written}`);
  }
  await section.getByText("Why each of them").click();
  await section.getByRole("row").filter({ hasText: confs[0][0] }).getByText(confs[0][1].because).waitFor();
});

test("the charts show decisions by size, and time and cost by executors, for every environment", async (t) => {
  const priced = `${TEAM}global_optimization:\n  cost: {executor_hour_price: 0.36, currency: EUR}\n`;
  const { page } = await explore(t, "", priced);
  const charts = page.locator("figure.chart");
  await charts.nth(1).locator("canvas").waitFor();
  const bySize = page.getByRole("img", { name: /executors/i }).first();
  for (const environment of ["development", "production"]) {
    await charts.first().getByRole("button", { name: environment }).waitFor();
  }
  // Read by keyboard: a value of each line at the place where the cursor stands.
  await bySize.focus();
  await page.keyboard.press("Home");
  await eventually(async () => /development.*executor.*production.*executor/s.test(await charts.first().locator("[aria-live]").innerText()), true, "values are read out");
});

test("a chart is copied as an image", async (t) => {
  const { page } = await explore(t);
  const chart = page.locator("figure.chart").first();
  await chart.locator("canvas").waitFor();
  await chart.getByRole("button", { name: "Copy as image" }).click();
  await told(page, "the chart is copied as an image");
  const types = await page.evaluate(async () => (await navigator.clipboard.read()).flatMap((item) => item.types));
  assert.deepEqual(types, ["image/png"]);
  const size = await page.evaluate(async () => {
    const [item] = await navigator.clipboard.read();
    const picture = await createImageBitmap(await item.getType("image/png"));
    return [picture.width, picture.height];
  });
  assert.ok(size[0] > 300 && size[1] > 150, `${size}`);
});

test("a rule that forbids the run is told in its words", async (t) => {
  const rules = `${TEAM}rules:\n  - name: nothing large\n    when: has(job.input_bytes) && job.input_bytes > 1000\n    deny: ask the platform team first\n`;
  const { page } = await served(t, rules, "#/explore?environment=production");
  await page.getByRole("alert").getByText(/The policy forbids this run.*ask the platform team first/).waitFor();
});

test("a need that fits no machine is refused with its size", async (t) => {
  const history = encodeURIComponent(JSON.stringify({ task_peak_bytes: 2 ** 32 }));
  const { page } = await served(t, TEAM, `#/explore?environment=production&manager=yarn&nodes=4x4x16GiB&history=${history}`);
  await page.getByRole("alert").getByText(/There is no plan/).waitFor();
});

test("a policy that is pinned to another module decides nothing here either", async (t) => {
  const pinned = `policy_module: {sha256: '${"0".repeat(64)}'}\n${TEAM}`;
  const { page } = await served(t, pinned, "#/explore?environment=production");
  await page.getByText(new RegExp("0{12}.*policy\\.wasm|policy\\.wasm.*0{12}", "s")).first().waitFor();
  assert.equal(await page.locator("[data-decision]").count(), 0);
});
