// What the package offers. Reading is Rust's (`lib.rs`), deciding policy.wasm's; here is what joins them.

import { Broken, Refusal, type PolicyModule, type Session } from "../../shell/src/module";
import { messageOf } from "../../shell/src/shell";
import type { Contract } from "./contract.js";
import type { Diagnostic, PolicyValues } from "./document.js";
import { DecisionError, ModuleError } from "./errors.js";
import { read, written } from "./json.js";
import { loaded, type Loaded } from "./loading.js";
import type { Modules } from "./modules.js";
import { defaultPolicy as defaultPolicyText, policySchema as schema, readPolicy as readText } from "./reader.js";

export type * from "./contract.js";
export type * from "./document.js";
export { DecisionError, ModuleError } from "./errors.js";
export type { Modules } from "./modules.js";

/** A decision point by its name, as `plan_launch`. */
export type DecisionPoint = keyof Contract;

/** How a policy file is to be read. */
export interface ReadOptions {
  /** What diagnostics call the file; `policy.yaml` when left out. */
  name?: string;
  /** The environment; the file's `default_environment` when left out. */
  environment?: string;
  /** Overrides of single values, as `autoscaling.max_executors=8`. */
  set?: readonly string[];
  /** An override in the shape of one `optimization` block; stands above `set`. */
  overrides?: object;
}

/** A policy file as it was read. */
export interface Reading {
  /** The policy of the environment; null where an error stands in its way. */
  policy: Policy | null;
  /** What is wrong with the file or probably unintended, as `sparkwright check --json` prints it. */
  diagnostics: Diagnostic[];
  /** The file's environments, in its order. */
  environments: string[];
  /** The environment that holds where none is asked for; null where the file names none. */
  defaultEnvironment: string | null;
  /** SHA-256 of the text. */
  sha256: string;
  /** The SHA-256 that the file pins policy.wasm to; null where it pins none. */
  pinnedModuleSha256: string | null;
}

/** What the reader gives of a policy. */
interface Resolved {
  environment: string;
  sha256: string;
  canonical: string;
  brief: string;
}

const OPTIONS = ["name", "environment", "set", "overrides"];

/**
 * Loads the package's modules from elsewhere than beside its script; before anything else is called, since they are loaded once.
 * Without a call they are loaded when they are needed.
 */
export async function load(modules: Modules = {}): Promise<void> {
  await loaded(modules);
}

/**
 * Reads a policy file. Faults of the file never throw: they are in `diagnostics`, and `policy` is null where it can't be used.
 *
 * @throws {ModuleError} A module can't be loaded, or the file pins policy.wasm to another SHA-256.
 */
export async function readPolicy(text: string, options: ReadOptions = {}): Promise<Reading> {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw new TypeError(`there is no option \`${unknown}\`; there are ${OPTIONS.join(", ")}`);
  const modules = await loaded();
  const reading = readText(text, options) as Omit<Reading, "policy"> & { policy: Resolved | null };
  const { policy, pinnedModuleSha256: pinned } = reading;
  if (policy !== null && pinned !== null && pinned !== modules.moduleSha256) {
    throw new ModuleError(`the policy is pinned to the policy.wasm of SHA-256 ${pinned}; this one has ${modules.moduleSha256}`);
  }
  return { ...reading, policy: policy === null ? null : Policy.of(modules, policy) };
}

/** The SHA-256 of the policy.wasm that decides here; `sparkwright inspect` tells the host's. */
export async function moduleSha256(): Promise<string> {
  return (await loaded()).moduleSha256;
}

/** The policy file that `sparkwright` uses when it is given none: every key with its meaning, unit and default. */
export async function defaultPolicy(): Promise<string> {
  await loaded();
  return defaultPolicyText();
}

/** The JSON Schema of policy files. */
export async function policySchema(): Promise<object> {
  await loaded();
  return schema() as object;
}

/**
 * A policy that decides. Each method takes the facts of its decision point and gives the answer; what is left out of the facts has its
 * default. Whole numbers above 2^53 - 1 go in as BigInt, and come out as BigInt.
 *
 * All of them throw {@link DecisionError} where the policy gives no answer, and {@link ModuleError} where policy.wasm fails.
 */
export class Policy {
  /** The environment that it is for; empty where the file has none. */
  readonly environment: string;
  /** SHA-256 of its canonical form, as the host records it. */
  readonly sha256: string;
  /** SHA-256 of the policy.wasm that decides. */
  readonly moduleSha256: string;
  /** Every key with its value, and in `origins` the layer that each value that is not built in came from. */
  readonly values: PolicyValues;

  readonly #module: PolicyModule;
  readonly #points: Loaded["points"];
  readonly #brief: string;
  #session: Session | undefined;

  private constructor(modules: Loaded, resolved: Resolved) {
    this.environment = resolved.environment;
    this.sha256 = resolved.sha256;
    this.moduleSha256 = modules.moduleSha256;
    this.values = read(resolved.canonical) as PolicyValues;
    this.#module = modules.module;
    this.#points = modules.points;
    this.#brief = resolved.brief;
  }

  /** @internal */
  static of(modules: Loaded, resolved: Resolved): Policy {
    return new Policy(modules, resolved);
  }

  /** What an application starts with. Asked before it does. */
  planLaunch(facts: Contract["plan_launch"]["question"] = {}): Contract["plan_launch"]["answer"] {
    return this.#decide("plan_launch", facts);
  }

  /** What a declared stage of a pipeline runs with. Asked when it begins. */
  planStage(facts: Contract["plan_stage"]["question"] = {}): Contract["plan_stage"]["answer"] {
    return this.#decide("plan_stage", facts);
  }

  /** What one query runs with, and what is cached of it. Asked when Spark is about to plan it. */
  planQuery(facts: Contract["plan_query"]["question"] = {}): Contract["plan_query"]["answer"] {
    return this.#decide("plan_query", facts);
  }

  /** How many executors a running application is to have. Asked at every tick, with the `state` of the answer before. */
  control(facts: Contract["control"]["question"] = {}): Contract["control"]["answer"] {
    return this.#decide("control", facts);
  }

  /** Which temp tables go. Asked when a stage or the pipeline ends, and on a timer. */
  planCleanup(facts: Contract["plan_cleanup"]["question"] = {}): Contract["plan_cleanup"]["answer"] {
    return this.#decide("plan_cleanup", facts);
  }

  /** What held a finished run up, and what would help. */
  review(facts: Contract["review"]["question"] = {}): Contract["review"]["answer"] {
    return this.#decide("review", facts);
  }

  /** The question and the answer's whole envelope, `{"ok": …}` or `{"error": …}`, as the JSON texts that policy.wasm takes and gives. */
  ask(point: DecisionPoint, question: string): string {
    const number = this.#points[point];
    if (number === undefined) throw new TypeError(`there is no decision point \`${point}\``);
    try {
      this.#session ??= this.#module.prepare(this.#brief);
      return this.#session.ask(number, question);
    } catch (error) {
      // The next question gets a fresh instance.
      if (error instanceof Broken) this.#session = undefined;
      throw asOurs(error);
    }
  }

  #decide<P extends DecisionPoint>(point: P, facts: Contract[P]["question"]): Contract[P]["answer"] {
    const envelope = read(this.ask(point, written(facts))) as { ok?: unknown; error?: { code: string; message: string; path?: string } };
    if (envelope.error !== undefined) throw new DecisionError(envelope.error.code, envelope.error.message, envelope.error.path);
    return envelope.ok as Contract[P]["answer"];
  }
}

function asOurs(error: unknown): Error {
  if (error instanceof Refusal) return new DecisionError(error.code, error.message, error.path);
  if (error instanceof Broken) return new ModuleError(error.message);
  // What is left is an input beyond the contract's size, which never gets to the module.
  return new DecisionError("input_too_large", messageOf(error));
}
