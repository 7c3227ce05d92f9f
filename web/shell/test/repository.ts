// What the tests take from the rest of the repository.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { PolicyModule } from "../src/module";

const root = process.env["SPARKWRIGHT_REPOSITORY"] ?? join(process.cwd(), "../..");

/** The text of a file of the repository. */
export function text(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The bytes of the policy module as it was built last. */
export function policyBytes(): Uint8Array<ArrayBuffer> {
  const path = join(process.env["SPARKWRIGHT_ASSETS"] ?? join(root, "target/sparkwright"), "policy.wasm");
  return new Uint8Array(readFileSync(path));
}

let compiled: WebAssembly.Module | undefined;

/** The policy module itself. */
export function policyModule(): PolicyModule {
  compiled ??= new WebAssembly.Module(policyBytes());
  return new PolicyModule(compiled);
}

/** A module of `tests/wat`, most of which break the contract in one way each. */
export async function wat(name: string): Promise<WebAssembly.Module> {
  const { default: wabt } = await import("wabt");
  const parsed = (await wabt()).parseWat(name, text(`tests/wat/${name}.wat`), { annotations: true, memory64: true });
  return new WebAssembly.Module(new Uint8Array(parsed.toBinary({}).buffer));
}

/** A question with what its answer must hold. */
export interface Vector {
  file: string;
  note: string;
  /** JSON. */
  policy: string;
  point: number;
  /** JSON. */
  input: string;
  contains: unknown;
}

const POINTS = ["plan_launch", "plan_stage", "plan_query", "control", "plan_cleanup", "review"];

/** All vectors of `tests/vectors` that say what the answer must hold. */
export function vectors(): Vector[] {
  return readdirSync(join(root, "tests/vectors")).flatMap((file) => {
    const listed = parse(text(`tests/vectors/${file}`), { intAsBigInt: true }) as Record<string, unknown>[];
    return listed
      .filter((it) => it["contains"] !== undefined)
      .map((it) => ({
        file,
        note: String(it["note"]),
        policy: exactJson(it["policy"] ?? {}),
        point: POINTS.indexOf(String(it["point"])) + 1,
        input: exactJson(it["input"] ?? {}),
        contains: JSON.parse(exactJson(it["contains"])),
      }));
  });
}

/** JSON with whole numbers as they are. */
function exactJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(exactJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, it]) => `${JSON.stringify(key)}:${exactJson(it)}`).join(",")}}`;
}

/** Where `found` lacks something of `wanted`; nothing where it holds all of it. */
export function missing(wanted: unknown, found: unknown, path = ""): string | undefined {
  if (wanted === null || typeof wanted !== "object") return Object.is(wanted, found) ? undefined : `${path}: ${JSON.stringify(found)}`;
  if (found === null || typeof found !== "object") return `${path}: ${JSON.stringify(found)}`;
  if (Array.isArray(wanted) && (!Array.isArray(found) || wanted.length !== found.length)) return `${path}: ${JSON.stringify(found)}`;
  for (const [key, value] of Object.entries(wanted)) {
    const lack = missing(value, (found as Record<string, unknown>)[key], `${path}.${key}`);
    if (lack !== undefined) return lack;
  }
  return undefined;
}
