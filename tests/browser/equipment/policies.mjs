// Policies that tests begin with.
import { readFileSync } from "node:fs";

import { inRepository } from "./places.mjs";

/** Two environments, with comments and layout that a program would not write. */
export const TEAM = `# Written by hand, and it shall stay so.
default_environment: production

environments:
  development:
    optimization:
      autoscaling: {min_executors: 1,   max_executors: 4}   # one machine
  production:   # paged when it is late
    cluster_config: {kept: [1, 2]}
    optimization:
      autoscaling:
        min_executors: 4
        max_executors: 20     # what the queue gives us
        target_processing_time_minutes: 60
      pipeline:
        optimization_target: quality # slow and safe
`;

/** The line of a text (from 1) that holds these words. */
export function lineOf(text, words) {
  const at = text.split("\n").findIndex((line) => line.includes(words));
  if (at < 0) throw new Error(`there is no line with ${words}`);
  return at + 1;
}

/** The policy that the page opens with. */
export const DEFAULT = readFileSync(inRepository("config.yaml"), "utf8");
