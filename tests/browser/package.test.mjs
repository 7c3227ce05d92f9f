import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { stage } from "./equipment/browser.mjs";
import { folder, policyFile, sparkwright } from "./equipment/command.mjs";
import { eventually } from "./equipment/parts.mjs";
import { packageFolder } from "./equipment/places.mjs";
import { site } from "./equipment/site.mjs";

/** Somebody's page: it takes the package by its name and runs the package's own example. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <title>Somebody's page</title>
    <link rel="icon" href="data:,">
    <script type="importmap">{"imports": {"sparkwright": "/sparkwright/index.js"}}</script>
  </head>
  <body>
    <script type="module" src="/example/example.mjs"></script>
  </body>
</html>
`;

const example = await readFile(join(packageFolder, "example.mjs"), "utf8");

const { open } = stage(() => site({ "/sparkwright/": packageFolder, "/example/": { "example.mjs": example }, "/": { "index.html": PAGE } }, "/"));

/** What the example prints in Node.js. */
async function inNode(t) {
  const project = await folder(t);
  await mkdir(join(project, "node_modules"));
  await cp(packageFolder, join(project, "node_modules/sparkwright"), { recursive: true });
  await writeFile(join(project, "example.mjs"), example);
  const { stdout } = await promisify(execFile)(process.execPath, ["example.mjs"], { cwd: project });
  return stdout.trim().split("\n");
}

test("the example says the same in Node.js and in the browser, and what the command says", async (t) => {
  const node = await inNode(t);
  const { page } = await open("about:blank");
  const browser = [];
  page.on("console", (message) => browser.push(message.text()));
  await page.goto("/");
  await eventually(() => browser, node, "line by line");

  const text = /const text = "(.*)";/.exec(example)[1];
  const facts = ["--policy", await policyFile(t, text), "--environment", "production", "--input-bytes", "100000000000", "--type", "etl"];
  const plan = JSON.parse(await sparkwright("plan", "--json", ...facts));
  const { module } = JSON.parse(await sparkwright("inspect", "--json"));
  assert.deepEqual(node, [
    `${plan.executors.value} executors of ${plan.executor_cores.value} cores, by policy.wasm ${module.sha256}`,
    plan.executors.trace.formula,
    ...Object.entries(plan.confs).map(([key, conf]) => `--conf ${key}=${conf.value}`),
  ]);
});

test("in a worker the package decides as well", async () => {
  const { page } = await open("/");
  const executors = await page.evaluate(async () => {
    const code = `
      import { readPolicy } from "${location.origin}/sparkwright/index.js";
      const { policy } = await readPolicy("");
      postMessage(policy.planLaunch({ job: { input_bytes: 2n ** 53n + 1n } }).executors.value);`;
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
    return new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
  });
  assert.equal(typeof executors, "number");
});
