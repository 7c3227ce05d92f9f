import { readPolicy } from "sparkwright";

const text = "environments: {production: {optimization: {autoscaling: {min_executors: 4, max_executors: 20}}}}";
const { policy, diagnostics } = await readPolicy(text, { environment: "production" });
for (const it of diagnostics) console.log(`${it.line}:${it.column} ${it.severity}: ${it.message}`);

const plan = policy.planLaunch({ job: { input_bytes: 100_000_000_000, processing: "etl" } });
console.log(`${plan.executors.value} executors of ${plan.executor_cores.value} cores, by policy.wasm ${policy.moduleSha256}`);
console.log(plan.executors.trace.formula);
for (const [key, conf] of Object.entries(plan.confs)) console.log(`--conf ${key}=${conf.value}`);
