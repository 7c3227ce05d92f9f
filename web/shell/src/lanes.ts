// Jobs for one worker: one at a time, and of the waiting ones only the newest of each lane.

/** How a job that a newer one took the place of ends. */
export const SUPERSEDED = "superseded";

interface Waiting<Job> {
  lane: string;
  job: Job;
  resolve(result: string): void;
  reject(error: Error): void;
}

/** Sends jobs to `run`, the next when the one before has ended. */
export class Lanes<Job> {
  private readonly waiting: Waiting<Job>[] = [];
  private isBusy = false;

  constructor(private readonly run: (job: Job) => Promise<string>) {}

  /** The job's result. A job of this lane that still waits rejects with {@link SUPERSEDED}, and this one has its turn. */
  ask(lane: string, job: Job): Promise<string> {
    return new Promise((resolve, reject) => {
      const newer = { lane, job, resolve, reject };
      const at = this.waiting.findIndex((older) => older.lane === lane);
      if (at < 0) this.waiting.push(newer);
      else this.waiting.splice(at, 1, newer)[0]?.reject(new Error(SUPERSEDED));
      void this.next();
    });
  }

  private async next(): Promise<void> {
    if (this.isBusy) return;
    const turn = this.waiting.shift();
    if (turn === undefined) return;
    this.isBusy = true;
    try {
      turn.resolve(await this.run(turn.job));
    } catch (error) {
      turn.reject(error instanceof Error ? error : new Error(String(error)));
    }
    this.isBusy = false;
    void this.next();
  }
}
