// Stores of lessons, as docs/formats.md says what is in them.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Unix times count down from here, in milliseconds. */
const LAST_MS = 9_999_999_999_999;

/** A name as it stands in a store. */
function key(name) {
  return [...Buffer.from(name)].map((byte) => (/[\w-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `=${byte.toString(16).padStart(2, "0")}`)).join("");
}

/** A run that began this many days after the first of May 2026. */
export function lesson(job, day, ended, run) {
  const started_ms = Date.UTC(2026, 4, 1 + day, 2, 30);
  const executor_ms = run.executors * run.run_ms;
  return { format: 1, job, application: `app-${day}`, started_ms, mode: "act", spark: "4.3.0", ended, executor_ms, run, plans: [] };
}

/** Puts lessons into a store in this folder. */
export async function keep(store, lessons) {
  for (const it of lessons) {
    const folder = join(store, "jobs", key(it.job));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${LAST_MS - it.started_ms}-${it.application}.json`), JSON.stringify(it));
  }
}
