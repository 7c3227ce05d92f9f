import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { folder, sparkwright } from "./built.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Somebody's project that has the package, unpacked from what npm would publish. */
let project;

before(() => {
  project = mkdtempSync(join(tmpdir(), "sparkwright-project-"));
  const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", project], { cwd: folder, encoding: "utf8" }));
  const installed = join(project, "node_modules/sparkwright");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(project, packed.filename), "--strip-components=1", "-C", installed]);
  writeFileSync(join(project, "package.json"), '{"type": "module"}');
});

after(() => rmSync(project, { recursive: true, force: true }));

test("what is published is what was built, and needs nothing else", () => {
  const installed = join(project, "node_modules/sparkwright");
  assert.deepEqual(readdirSync(installed).sort(), readdirSync(folder).sort());
  const { dependencies, devDependencies, scripts } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  assert.deepEqual([dependencies, devDependencies, scripts], [undefined, undefined, undefined]);
});

test("the example is the one in the README, and runs", async () => {
  const example = readFileSync(join(folder, "example.mjs"), "utf8");
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  assert.equal(/```js\n(.*?)```/s.exec(readme)?.[1], example);
  assert.ok(example.trim().split("\n").length <= 10);
  cpSync(join(folder, "example.mjs"), join(project, "example.mjs"));
  const said = execFileSync(process.execPath, ["example.mjs"], { cwd: project, encoding: "utf8" }).split("\n");
  assert.match(said[0], new RegExp(`^\\d+ executors of \\d cores, by policy.wasm ${await sparkwright.moduleSha256()}$`));
  assert.ok(said.some((line) => line.startsWith("--conf spark.sql.shuffle.partitions=")), said.join("\n"));
});

test("the types hold for programs that are right and refuse those that are wrong", () => {
  cpSync(join(here, "types.ts"), join(project, "types.ts"));
  const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
  for (const moduleResolution of ["bundler", "node16"]) {
    const module = moduleResolution === "bundler" ? "esnext" : "node16";
    const options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom", "--module", module];
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(typescript, "bin/tsc"), ...options, "--moduleResolution", moduleResolution, "types.ts"],
      { cwd: project, encoding: "utf8" },
    );
    assert.equal(status, 0, stdout);
  }
});
