// A run that goes on: the record of a real one, of whose journal one line after the other is written, as its host wrote them.
import { appendFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { RUNS } from "./runs.mjs";

/** What a host writes once, when it meets the application. */
const FIRST = ["format", "application", "mode", "policy", "module", "started_ms"];

/** Begins a run in a folder of runs; `host` is the process that is taken for the run's host. */
export async function liveRun(runs, host) {
  const { folder: from, run: recorded } = RUNS.sleepers;
  const journal = (await readFile(join(from, "journal.jsonl"), "utf8")).trimEnd().split("\n");
  const folder = join(runs, recorded.application.id);
  await mkdir(folder, { recursive: true });
  const first = Object.fromEntries(FIRST.map((name) => [name, recorded[name]]));
  const run = { ...first, host_pid: host, state: "running", updated_ms: recorded.started_ms, journal_line: 0 };
  await writeFile(join(folder, "journal.jsonl"), "");
  // Written beside itself and renamed, as the host does it: a reader finds all of it or nothing.
  await writeFile(join(folder, "run.json.new"), JSON.stringify(run));
  await rename(join(folder, "run.json.new"), join(folder, "run.json"));
  let written = 0;
  return {
    id: recorded.application.id,
    name: recorded.application.name,
    journal,
    /** Writes the journal up to and including the next line that `isLast` says yes to; gives that change. */
    async growTo(isLast) {
      const from = written;
      while (written < journal.length && !isLast(JSON.parse(journal[written]))) written += 1;
      written = Math.min(written + 1, journal.length);
      await appendFile(join(folder, "journal.jsonl"), `${journal.slice(from, written).join("\n")}\n`);
      return JSON.parse(journal[written - 1]);
    },
    /** Writes the rest. */
    async finish() {
      return this.growTo(() => false);
    },
  };
}
