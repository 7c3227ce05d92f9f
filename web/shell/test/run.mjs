// Bundles the tests, since Node 20 reads no TypeScript, and runs those whose name contains a word: node run.mjs [word]
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { common } from "../bundling.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const word = process.argv[2];
const named = word === undefined ? [] : [`--test-name-pattern=${word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}`];
const tests = readdirSync(here).filter((name) => name.endsWith(".test.ts"));
// Beside the packages, so that those that are not bundled are found.
const out = mkdtempSync(join(here, "../node_modules/.tests-"));
try {
  await build({
    ...common,
    entryPoints: tests.map((name) => join(here, name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    // Those whose code is for browsers are bundled as for them.
    mainFields: ["module", "main"],
    external: ["happy-dom", "wabt", "yaml"],
    sourcemap: "inline",
  });
  const files = tests.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
  const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-reporter=spec", ...named, ...files], {
    stdio: "inherit",
    env: { ...process.env, SPARKWRIGHT_REPOSITORY: join(here, "../../..") },
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
