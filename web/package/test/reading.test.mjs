import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { folder, repository, sparkwright } from "./built.mjs";

const { ModuleError, defaultPolicy, moduleSha256, policySchema, readPolicy } = sparkwright;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const TWO = `default_environment: small
environments:
  small: {optimization: {autoscaling: {min_executors: 1, max_executors: 4}}}
  large: {optimization: {autoscaling: {min_executors: 4, max_executors: 40}}}
`;

test("an environment's policy, with the layer of each value", async () => {
  const { policy, ...reading } = await readPolicy(TWO, { environment: "large", set: ["autoscaling.max_executors=30"] });
  assert.deepEqual(reading, {
    diagnostics: [],
    environments: ["small", "large"],
    defaultEnvironment: "small",
    sha256: sha256(TWO),
    pinnedModuleSha256: null,
  });
  assert.deepEqual([policy.environment, policy.values.autoscaling.min_executors, policy.values.autoscaling.max_executors], ["large", 4, 30]);
  assert.deepEqual(policy.values.origins, { "autoscaling.max_executors": "override", "autoscaling.min_executors": "environment" });
  assert.equal(policy.planLaunch({ job: { input_bytes: 10n ** 15n } }).max_executors, 30);
  assert.match(policy.sha256, /^[0-9a-f]{64}$/);
});

test("the default environment, and a block above single values", async () => {
  assert.equal((await readPolicy(TWO)).policy.environment, "small");
  const overrides = { autoscaling: { max_executors: 7 } };
  const { policy } = await readPolicy(TWO, { set: ["autoscaling.max_executors=6"], overrides });
  assert.equal(policy.values.autoscaling.max_executors, 7);
});

test("a mistake is a diagnostic with its place, and there is no policy", async () => {
  const text = TWO.replace("max_executors: 4}", "max_executor: 4}");
  const { policy, diagnostics } = await readPolicy(text, { name: "team.yaml" });
  assert.equal(policy, null);
  const [found] = diagnostics;
  assert.deepEqual([found.file, found.line, found.severity, found.code], ["team.yaml", 3, "error", "unknown_key"]);
  assert.match(`${found.message} ${found.help}`, /max_executors/);
  const members = "code column end_column end_line excerpt excerpt_column expected file found help line message path severity";
  assert.equal(Object.keys(found).sort().join(" "), members);
});

test("whatever the text is, reading does not throw", async () => {
  for (const text of ["", "\0", "a: [", "\t", "- 1", "🚀", "a: &a [*a]", "x".repeat(2_000_000), "[".repeat(10_000)]) {
    const { policy, diagnostics } = await readPolicy(text);
    assert.ok(policy !== null || diagnostics.some((it) => it.severity === "error"), text.slice(0, 20));
  }
  for (const environment of ["nowhere", ""]) {
    const { policy, diagnostics } = await readPolicy(TWO, { environment });
    assert.deepEqual([policy, diagnostics[0].code], [null, "unknown_environment"]);
  }
});

test("a mistyped option is told, as it would change what is decided", async () => {
  await assert.rejects(readPolicy(TWO, { enviroment: "large" }), /no option `enviroment`/);
});

test("a policy that is pinned to another module decides nothing", async () => {
  const own = await moduleSha256();
  assert.equal(own, sha256(readFileSync(join(folder, "policy.wasm"))));
  assert.equal((await readPolicy(`policy_module: {sha256: "${own}"}\n${TWO}`)).pinnedModuleSha256, own);
  const pinned = `policy_module: {sha256: "${"0".repeat(64)}"}\n${TWO}`;
  await assert.rejects(readPolicy(pinned), (error) => error instanceof ModuleError && error.message.includes(own));
});

test("the default policy is the project's, without an error", async () => {
  const text = await defaultPolicy();
  assert.equal(text, readFileSync(join(repository, "config.yaml"), "utf8"));
  const { environments, diagnostics } = await readPolicy(text);
  assert.deepEqual(environments, ["development", "staging", "production"]);
  assert.deepEqual(diagnostics.filter((it) => it.severity === "error"), []);
});

test("the schema of policy files is plain JSON", async () => {
  const schema = await policySchema();
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema);
  assert.ok("environments" in schema.properties);
});
