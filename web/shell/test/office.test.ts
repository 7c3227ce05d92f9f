import assert from "node:assert/strict";
import { test } from "node:test";

import { Lanes } from "../src/lanes";
import { Office } from "../src/office";
import type { FromWorker, ToWorker } from "../src/worker";
import { wat } from "./repository";

test("of waiting jobs only the newest of each lane is done", async () => {
  const done: string[] = [];
  let finish: (() => void)[] = [];
  const lanes = new Lanes<string>(async (job) => {
    await new Promise<void>((resolve) => finish.push(resolve));
    done.push(job);
    return `did ${job}`;
  });
  const first = lanes.ask("a", "a1");
  const second = lanes.ask("a", "a2");
  const other = lanes.ask("b", "b1");
  const third = lanes.ask("a", "a3");
  await assert.rejects(second, { message: "superseded" });
  for (let times = 0; times < 3; times += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    finish.splice(0).forEach((it) => it());
  }
  assert.deepEqual(await Promise.all([first, third, other]), ["did a1", "did a3", "did b1"]);
  assert.deepEqual(done, ["a1", "a3", "b1"]);
});

test("a job that fails doesn't hold up the next", async () => {
  const lanes = new Lanes<string>(async (job) => {
    if (job === "bad") throw new Error("no");
    return job;
  });
  const bad = lanes.ask("a", "bad");
  await assert.rejects(bad, { message: "no" });
  assert.equal(await lanes.ask("a", "good"), "good");
});

/** A worker that answers as it is told to. */
class FakeWorker extends EventTarget {
  isTerminated = false;
  constructor(private readonly answer: (message: ToWorker, worker: FakeWorker) => void) {
    super();
  }
  postMessage(message: ToWorker): void {
    queueMicrotask(() => this.answer(message, this));
  }
  say(data: FromWorker): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
  terminate(): void {
    this.isTerminated = true;
  }
}

const request = { policyJson: "{}", point: 4, questions: "[]" };

test("a worker that is lost is replaced, and its job told so", async () => {
  const workers: FakeWorker[] = [];
  const office = new Office(await wat("least"), () => {
    const isFirst = workers.length === 0;
    const worker = new FakeWorker((message, self) => {
      if (message.kind === "module") return;
      if (isFirst) self.dispatchEvent(Object.assign(new Event("error"), { message: "out of memory" }));
      else self.say({ id: message.id, result: "[]" });
    });
    workers.push(worker);
    return worker as unknown as Worker;
  });
  await assert.rejects(office.replay("x", request), /the background worker failed: out of memory/);
  assert.equal(await office.replay("x", request), "[]");
  assert.equal(workers.length, 2);
  assert.ok(workers[0]?.isTerminated);
});

test("a job that hangs is ended", async () => {
  const worker = new FakeWorker(() => undefined);
  const office = new Office(await wat("least"), () => worker as unknown as Worker, 20);
  await assert.rejects(office.replay("x", request), /stopped after 0.02 s/);
  assert.ok(worker.isTerminated);
});

test("what the worker says is wrong is an error", async () => {
  const worker = new FakeWorker((message, self) => message.kind !== "module" && self.say({ id: message.id, error: "no list" }));
  const office = new Office(await wat("least"), () => worker as unknown as Worker);
  await assert.rejects(office.replay("x", request), { message: "no list" });
});
