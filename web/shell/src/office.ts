// The page's end of the worker: starts it, gives it jobs, and starts another when it is lost.

import { Lanes } from "./lanes";
import type { ReplayRequest, SweepRequest } from "./sweep";
import type { FromWorker, ToWorker } from "./worker";

/** A job that takes this long has hung: thousands of questions take a second. */
const LONGEST_JOB_MS = 60_000;

type Job = { kind: "sweep"; request: SweepRequest } | { kind: "replay"; request: ReplayRequest };

/** Long work beside the page. */
export class Office {
  private worker: Worker | undefined;
  private readonly lanes: Lanes<Job>;
  private jobs = 0;

  constructor(
    private readonly compiled: WebAssembly.Module,
    private readonly newWorker: () => Worker,
    private readonly longestJobMs = LONGEST_JOB_MS,
  ) {
    this.lanes = new Lanes((job) => this.run(job));
    // Loads now, so that the first sweep doesn't wait for it.
    this.ready();
  }

  sweep(lane: string, request: SweepRequest): Promise<string> {
    return this.lanes.ask(`sweep ${lane}`, { kind: "sweep", request });
  }

  replay(lane: string, request: ReplayRequest): Promise<string> {
    return this.lanes.ask(`replay ${lane}`, { kind: "replay", request });
  }

  private ready(): Worker {
    if (this.worker === undefined) {
      this.worker = this.newWorker();
      this.worker.addEventListener("error", () => this.drop());
      this.worker.postMessage({ kind: "module", compiled: this.compiled } satisfies ToWorker);
    }
    return this.worker;
  }

  private drop(): void {
    this.worker?.terminate();
    this.worker = undefined;
  }

  private run(job: Job): Promise<string> {
    const worker = this.ready();
    const id = (this.jobs += 1);
    const listening = new AbortController();
    const { signal } = listening;
    return new Promise<string>((resolve, reject) => {
      const lost = (why: string) => {
        this.drop();
        reject(new Error(why));
      };
      const timer = setTimeout(
        () => lost(`the calculation was stopped after ${this.longestJobMs / 1000} s`),
        this.longestJobMs,
      );
      signal.addEventListener("abort", () => clearTimeout(timer));
      worker.addEventListener(
        "message",
        (event: MessageEvent<FromWorker>) => {
          if (event.data.id !== id) return;
          if ("error" in event.data) reject(new Error(event.data.error));
          else resolve(event.data.result);
        },
        { signal },
      );
      worker.addEventListener(
        "error",
        (event) => lost(`the background worker failed: ${event.message || "worker.js could not be loaded"}`),
        { signal },
      );
      worker.postMessage({ ...job, id } satisfies ToWorker);
    }).finally(() => listening.abort());
  }
}
