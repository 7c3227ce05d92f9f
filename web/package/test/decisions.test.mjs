import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { parse } from "yaml";

import { repository, sparkwright } from "./built.mjs";

const { DecisionError, ModuleError, readPolicy } = sparkwright;

/** The method of each decision point. */
const METHODS = {
  plan_launch: "planLaunch",
  plan_stage: "planStage",
  plan_query: "planQuery",
  control: "control",
  plan_cleanup: "planCleanup",
  review: "review",
};

const policy = async (overrides = {}) => {
  const reading = await readPolicy("", { overrides });
  assert.notEqual(reading.policy, null, JSON.stringify(reading.diagnostics));
  return reading.policy;
};

const refused = (code, path, words = /./) => (error) => {
  assert.ok(error instanceof DecisionError, String(error));
  assert.deepEqual([error.code, error.path], [code, path]);
  assert.match(error.message, words);
  return true;
};

/** That `found` holds all of `wanted`. */
function holds(wanted, found, place) {
  if (wanted === null || typeof wanted !== "object") {
    assert.equal(found, wanted, place);
    return;
  }
  assert.ok(found !== null && typeof found === "object", `${place}: ${found}`);
  if (Array.isArray(wanted)) assert.equal(found.length, wanted.length, place);
  for (const [name, value] of Object.entries(wanted)) holds(value, found[name], `${place}.${name}`);
}

const vectors = readdirSync(join(repository, "tests/vectors")).flatMap((file) =>
  parse(readFileSync(join(repository, "tests/vectors", file), "utf8")).filter((it) => it.contains !== undefined),
);

test("there are vectors of each decision point", () => {
  assert.deepEqual([...new Set(vectors.map((it) => it.point))].sort(), Object.keys(METHODS).sort());
});

for (const vector of vectors) {
  test(`${vector.point}: ${vector.note}`, async () => {
    // Vectors state policies as the module loads them, where the guards are a section of their own.
    const { guards, ...sections } = vector.policy ?? {};
    if (guards !== undefined) sections.autoscaling = { ...sections.autoscaling, guards };
    const asked = (await policy(sections))[METHODS[vector.point]].bind(await policy(sections), vector.input ?? {});
    if (vector.contains.error === undefined) holds(vector.contains.ok, asked(), "answer");
    else assert.throws(asked, (error) => error instanceof DecisionError && error.code === vector.contains.error.code);
  });
}

test("an answer is the module's own text, read", async () => {
  const decides = await policy();
  const facts = { job: { input_bytes: 100_000_000_000, processing: "etl" } };
  const text = decides.ask("plan_launch", JSON.stringify(facts));
  assert.deepEqual({ ok: decides.planLaunch(facts) }, JSON.parse(text));
});

test("the controller's state goes from answer to question", async () => {
  const decides = await policy();
  let state = {};
  const targets = [];
  for (let tick = 0; tick < 20; tick += 1) {
    const now = 1_700_000_000_000 + tick * 1000;
    const executors = Array.from({ length: targets.at(-1) ?? 2 }, (_, id) => ({ id: String(id), state: "active", running_tasks: 4 }));
    const facts = { now_ms: now, facts_at_ms: now, controller: "policy", pending_tasks: 500, running_tasks: 8, executor_cores: 4, executors, state };
    const answer = decides.control(facts);
    targets.push(answer.target.value);
    state = answer.state;
  }
  assert.ok(targets.at(-1) > 2, `the ramp adds executors: ${targets}`);
});

test("whole numbers above 2^53 go in and come out to the last digit", async () => {
  const decides = await policy();
  const bytes = 2n ** 53n + 1n;
  const plan = decides.planLaunch({ job: { input_bytes: bytes } });
  const told = JSON.stringify(plan, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
  assert.match(told, /"9007199254740993n"/);
  assert.equal(typeof plan.executors.value, "number");
  assert.equal(typeof plan.executor_memory_bytes.value, "number");
});

test("a number that may have lost digits is refused with its place", async () => {
  const decides = await policy();
  assert.throws(() => decides.planLaunch({ job: { input_bytes: 2 ** 53 } }), refused("bad_input", "job.input_bytes", /BigInt/));
  const history = { runs: [{ executors: 1, run_ms: 1 }, { executors: 2, run_ms: Number.NaN }] };
  assert.throws(() => decides.planLaunch({ history }), refused("bad_input", "history.runs[1].run_ms", /finite/));
});

test("what is no fact is refused with its place", async () => {
  const decides = await policy();
  assert.throws(() => decides.planLaunch({ labels: new Map([["team", "risk"]]) }), refused("bad_input", "labels", /Map/));
  assert.throws(() => decides.planLaunch({ job: { input_bytes: () => 1 } }), refused("bad_input", "job.input_bytes", /function/));
  const endless = {};
  endless.job = endless;
  assert.throws(() => decides.planLaunch(endless), refused("bad_input", "", /deeper/));
});

test("the module's own errors keep code and place", async () => {
  const decides = await policy();
  assert.throws(() => decides.planLaunch({ job: { processing: "batch" } }), refused("bad_input", "job.processing", /batch/));
  assert.throws(() => decides.planLaunch({ job: { input_bytes: -1n } }), refused("bad_input", "job.input_bytes"));
  assert.throws(() => decides.planLaunch({ labels: { long: "x".repeat(4 * 1024 * 1024) } }), refused("input_too_large", ""));
  assert.throws(() => decides.ask("plan_everything", "{}"), TypeError);
  assert.ok(decides.planLaunch().executors.value > 0, "after all of it");
});

test("members that are undefined are left out", async () => {
  const decides = await policy();
  assert.deepEqual(decides.planLaunch({ job: { input_bytes: undefined } }), decides.planLaunch());
});

test("a module that is none, or no policy module, decides nothing", async () => {
  // A fresh copy of the package: it loads its modules once.
  const { folder } = await import("./built.mjs");
  const fresh = (n) => import(`file://${join(folder, "node.js")}?fresh=${n}`);
  const [first, second, third] = await Promise.all([1, 2, 3].map(fresh));
  await assert.rejects(first.load({ policy: new Uint8Array([1, 2, 3]) }), (error) => error instanceof first.ModuleError && /policy\.wasm is no/.test(error.message));
  const reader = readFileSync(join(folder, "reader.wasm"));
  await assert.rejects(second.load({ policy: reader }), (error) => error instanceof second.ModuleError && /imports nothing/.test(error.message));
  await assert.rejects(third.load({ policy: new URL("file:///nowhere.wasm") }), (error) => error instanceof third.ModuleError && /nowhere/.test(error.message));
  // A failure is not for ever.
  assert.equal(await third.moduleSha256(), await sparkwright.moduleSha256());
  assert.notEqual(ModuleError, third.ModuleError);
});
