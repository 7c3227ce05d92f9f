// Runs that were recorded on real Spark; tests/data/recorded/README.md says how.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { inRepository } from "./places.mjs";

/** The folder that holds them. */
export const RECORDED = inRepository("tests/data/recorded");

/** Each run by its application's name: its folder, the file, and what is in it. */
export const RUNS = Object.fromEntries(
  readdirSync(RECORDED, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => {
      const folder = join(RECORDED, entry.name);
      const file = join(folder, "run.json");
      const run = JSON.parse(readFileSync(file, "utf8"));
      return [run.application.name, { folder, file, run }];
    }),
);
