import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { sha256 } from "../src/digest";
import { Broken, PolicyModule, Refusal } from "../src/module";
import { missing, policyBytes, policyModule, vectors, wat } from "./repository";

test("the policy module gives the answers of the vectors", () => {
  const module = policyModule();
  const all = vectors();
  assert.ok(all.length >= 25, `only ${all.length} vectors`);
  for (const vector of all) {
    const answer: unknown = JSON.parse(module.prepare(vector.policy).ask(vector.point, vector.input));
    assert.equal(missing(vector.contains, answer), undefined, `${vector.file}: ${vector.note}`);
  }
});

test("an instance gives the same bytes however often it is asked", () => {
  const [vector] = vectors();
  assert.ok(vector);
  const session = policyModule().prepare(vector.policy);
  const first = session.ask(vector.point, vector.input);
  for (let times = 0; times < 500; times += 1) assert.equal(session.ask(vector.point, vector.input), first);
});

test("it says what it is", async () => {
  const metadata = JSON.parse(policyModule().metadata()) as { name: string; abi: number };
  assert.equal(metadata.abi, 1);
  assert.ok(metadata.name.length > 0);
  const bytes = policyBytes();
  assert.equal(await sha256(bytes), createHash("sha256").update(bytes).digest("hex"));
});

test("without crypto.subtle the digest is the same", async () => {
  const bytes = policyBytes();
  const kept = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    assert.equal(await sha256(bytes), createHash("sha256").update(bytes).digest("hex"));
  } finally {
    if (kept) Object.defineProperty(globalThis, "crypto", kept);
  }
});

test("a policy that is none is refused in the module's words", () => {
  assert.throws(
    () => policyModule().prepare('{"autoscaling": {"min_executors": "many"}}'),
    (error) => error instanceof Refusal && error.code === "bad_policy" && error.message.length > 10 && error.path.includes("min_executors"),
  );
  assert.throws(() => policyModule().prepare("no JSON"), Refusal);
});

test("a bad question is an answer, and the instance goes on", () => {
  const session = policyModule().prepare("{}");
  const bad = JSON.parse(session.ask(1, "[")) as { error: { code: string } };
  assert.equal(bad.error.code, "bad_input");
  assert.ok("ok" in JSON.parse(session.ask(1, '{"job": {"input_bytes": 10000000000}}')));
  assert.equal((JSON.parse(session.ask(99, "{}")) as { error: { code: string } }).error.code, "unknown_decision_point");
});

test("text outside ASCII and whole numbers above 2^53 go through", () => {
  const session = policyModule().prepare("{}");
  assert.ok("ok" in JSON.parse(session.ask(1, `{"job": {"name": "Prüfung 🚀", "input_bytes": ${2n ** 60n}}}`)));
});

test("an input that is too long never gets to the module", () => {
  const session = policyModule().prepare("{}");
  assert.throws(() => session.ask(1, `"${"x".repeat(4 * 1024 * 1024)}"`), /takes at most/);
  assert.ok("ok" in JSON.parse(session.ask(1, "{}")));
});

test("a module that keeps to the contract works, whoever wrote it", async () => {
  const module = new PolicyModule(await wat("least"));
  assert.equal(module.prepare("{}").ask(4, "{}"), '{"ok":{"answer":42}}');
});

for (const name of ["missing_export", "no_memory", "wrong_kind", "wrong_version", "trap_in_start", "trap_in_load", "handle_zero", "alloc_out_of_bounds", "trap_in_alloc", "memory_at_start"]) {
  test(`${name}: no instance`, async () => {
    const compiled = await wat(name);
    assert.throws(() => new PolicyModule(compiled).prepare("{}"), Broken);
  });
}

for (const name of ["answer_out_of_bounds", "answer_past_the_end", "answer_too_long", "trap_in_eval", "deep_recursion", "rubbish"]) {
  test(`${name}: no answer, then or later`, async () => {
    const session = new PolicyModule(await wat(name)).prepare("{}");
    assert.throws(() => session.ask(4, "{}"), Broken);
    assert.throws(() => session.ask(4, "{}"), Broken);
  });
}

test("refuses_policy: its own words", async () => {
  const module = new PolicyModule(await wat("refuses_policy"));
  assert.throws(() => module.prepare("{}"), Refusal);
});

test("trap_every_second: dead after the trap", async () => {
  const session = new PolicyModule(await wat("trap_every_second")).prepare("{}");
  assert.equal(session.ask(4, "{}"), '{"ok":{"answer":42}}');
  assert.throws(() => session.ask(4, "{}"), Broken);
  assert.throws(() => session.ask(4, "{}"), Broken);
});

test("a module that imports anything is refused", async () => {
  const compiled = await wat("imports");
  assert.throws(() => new PolicyModule(compiled), /imports nothing/);
});
