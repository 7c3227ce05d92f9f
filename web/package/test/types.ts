// A program that uses the package, for the compiler alone: each line below `@ts-expect-error` must be refused.
import { DecisionError, Policy, readPolicy, type Decision, type PlanLaunchAnswer, type PlanLaunchInput, type Reading } from "sparkwright";

const reading: Reading = await readPolicy("", { environment: "production", set: ["autoscaling.max_executors=8"] });
// @ts-expect-error: there may be none
reading.policy.planLaunch();
// @ts-expect-error: the option is `environment`
await readPolicy("", { enviroment: "production" });

const policy: Policy = reading.policy ?? (() => { throw new Error(reading.diagnostics[0]?.message); })();
const facts: PlanLaunchInput = { job: { input_bytes: 2n ** 60n, processing: "etl" }, cluster: { nodes: [{ count: 4, cores: 16, memory_bytes: 2 ** 36 }] } };
const plan: PlanLaunchAnswer = policy.planLaunch(facts);
const executors: Decision<number> = plan.executors;
const heap: number | bigint = plan.executor_memory_bytes.value;
const conf: string | undefined = plan.confs["spark.sql.shuffle.partitions"]?.value;
const grade: "A" | "B" | "C" = executors.grade;
const formula: string = plan.executors.trace.formula;
// @ts-expect-error: a size may be a BigInt
const short: number = plan.executor_memory_bytes.value;
// @ts-expect-error: there is no such type of job
policy.planLaunch({ job: { processing: "batch" } });
// @ts-expect-error: there is no such fact
policy.planLaunch({ job: { input_byte: 1 } });
// @ts-expect-error: a policy comes from `readPolicy`
new Policy();

const state = policy.control({ now_ms: 1, controller: "policy" }).state;
policy.control({ now_ms: 2, state });
policy.planStage({ rows: 10, data_grade: "B" });
policy.planQuery({ slots: 8 });
policy.planCleanup({ tables: [{ name: "t", bytes: 1 }] });
policy.review({ wall_ms: 1 }).trend.trace;
const text: string = policy.ask("plan_launch", "{}");
// @ts-expect-error: there is no such decision point
policy.ask("plan_everything", "{}");

try {
  policy.planLaunch();
} catch (error) {
  if (error instanceof DecisionError) console.log(error.code, error.path, error.message);
}
console.log(executors, heap, conf, grade, formula, short, text);
