// The `sparkwright` command.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { binary } from "./places.mjs";

/** A command that says nothing for this long has failed. */
const PATIENCE_MS = 20_000;

/** What a command prints on standard output. */
export async function sparkwright(...given) {
  const { stdout } = await promisify(execFile)(binary, given, { timeout: PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** A folder that is gone when the test is over. */
export async function folder(test) {
  const path = await mkdtemp(join(tmpdir(), "sparkwright-page-"));
  test.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A policy file in a folder of its own. */
export async function policyFile(test, text, name = "team.yaml") {
  const path = join(await folder(test), name);
  await writeFile(path, text);
  return path;
}

/** `sparkwright web --no-open …`, once it listens. */
export async function web(...given) {
  // In a folder without a config.yaml, which would be opened.
  // What runs taught this user is nothing to these tests.
  const env = { ...process.env, SPARKWRIGHT_STORE: "", XDG_DATA_HOME: "/nonexistent" };
  const child = spawn(binary, ["web", "--no-open", ...given], { cwd: "/", env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`sparkwright web does not say where it is: ${said}`)), PATIENCE_MS);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)?.[0];
      if (found === undefined) return;
      clearTimeout(late);
      resolve(found);
    });
    child.once("exit", (code) => {
      clearTimeout(late);
      reject(new Error(`sparkwright web ended with ${code}: ${said}`));
    });
  });
  return {
    url,
    pid: child.pid,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** As {@link web}, ended with the test. */
export async function webFor(test, ...given) {
  const server = await web(...given);
  test.after(() => server.stop());
  return server;
}
