// Facts and answers as JSON, to the last digit: the contract has whole numbers of 64 bits, and JavaScript's numbers hold 53.

import { isInteger, parse, stringify } from "lossless-json";

import { DecisionError } from "./errors.js";

/** The module's reader gives up at this depth. */
const DEEPEST = 128;

/** Facts as JSON. What JSON can't hold, or a number has lost digits of already, is refused with its place. */
export function written(facts: unknown): string {
  check(facts, "", 0);
  return stringify(facts) ?? "null";
}

/** A value from JSON: a whole number above 2^53 - 1 is a BigInt, every other number a number. */
export function read(json: string): unknown {
  return parse(json, null, (digits) => {
    const number = Number(digits);
    return isInteger(digits) && !Number.isSafeInteger(number) ? BigInt(digits) : number;
  });
}

function check(value: unknown, path: string, depth: number): void {
  if (depth > DEEPEST) throw new DecisionError("bad_input", `it nests deeper than ${DEEPEST} levels`);
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
    // Left out, as `JSON.stringify` leaves it out.
    case "undefined":
      return;
    case "number":
      checkNumber(value, path);
      return;
    case "object":
      if (value !== null) checkMembers(value, path, depth);
      return;
    default:
      throw new DecisionError("bad_input", `a ${typeof value} is no fact`, path);
  }
}

function checkNumber(value: number, path: string): void {
  if (!Number.isFinite(value)) throw new DecisionError("bad_input", `${value} is not a finite number`, path);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    const message = `${value} may have lost digits: write whole numbers above 2^53 - 1 as a BigInt, with an n behind`;
    throw new DecisionError("bad_input", message, path);
  }
}

function checkMembers(value: object, path: string, depth: number): void {
  if (Array.isArray(value)) {
    value.forEach((item, at) => check(item, `${path}[${at}]`, depth + 1));
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another frame has another `Object.prototype`.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new DecisionError("bad_input", `a ${value.constructor.name} is no fact: use plain objects and lists`, path);
  }
  for (const [name, member] of Object.entries(value)) check(member, path === "" ? name : `${path}.${name}`, depth + 1);
}
