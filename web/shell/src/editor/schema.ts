// A JSON Schema as completion and help read it: what may stand at a path, and what is said of it.

import { ITEM } from "./place";

/** The keywords that are read. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  title?: string;
  description?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  pattern?: string;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema | boolean;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  required?: string[];
}

/** `$ref` after `$ref` after …; more is a circle. */
const MOST_REFERENCES = 32;

/** A schema document. */
export class SchemaDocument {
  constructor(private readonly root: Schema) {}

  static parse(json: string): SchemaDocument {
    const root: unknown = JSON.parse(json);
    return new SchemaDocument(root !== null && typeof root === "object" ? (root as Schema) : {});
  }

  /** Every schema that may hold at a path, each without references and choices. */
  at(path: string[]): Schema[] {
    let schemas = this.alternatives(this.root);
    for (const key of path) schemas = schemas.flatMap((schema) => this.step(schema, key));
    return schemas;
  }

  /** The keys that a mapping at a path may have, each with its schema. */
  keys(path: string[]): Map<string, Schema> {
    const found = new Map<string, Schema>();
    for (const schema of this.at(path)) {
      for (const [name, member] of Object.entries(schema.properties ?? {})) {
        if (!found.has(name)) found.set(name, this.summary(this.alternatives(member)));
      }
    }
    return found;
  }

  /** What is said of a path, in one schema; nothing where the schema doesn't know it. */
  about(path: string[]): Schema | undefined {
    const schemas = this.at(path);
    return schemas.length === 0 ? undefined : this.summary(schemas);
  }

  private step(schema: Schema, key: string): Schema[] {
    if (key === ITEM) {
      const item = schema.items ?? schema.prefixItems?.[0];
      return typeof item === "object" ? this.alternatives(item) : [];
    }
    const named = own(schema.properties, key);
    if (named !== undefined) return this.alternatives(named);
    for (const [pattern, member] of Object.entries(schema.patternProperties ?? {})) {
      if (matches(pattern, key)) return this.alternatives(member);
    }
    return typeof schema.additionalProperties === "object" ? this.alternatives(schema.additionalProperties) : [];
  }

  private alternatives(schema: Schema, depth = 0): Schema[] {
    if (depth > MOST_REFERENCES) return [];
    const { $ref, anyOf, oneOf, allOf, ...said } = schema;
    const target = $ref === undefined ? undefined : this.lookUp($ref);
    // What stands beside a reference is nearer, so its description wins.
    let found = target === undefined ? [said] : this.alternatives(target, depth + 1).map((it) => merged(it, said));
    for (const part of allOf ?? []) {
      found = found.flatMap((base) => this.alternatives(part, depth + 1).map((it) => merged(it, base)));
    }
    for (const choice of [anyOf, oneOf]) {
      if (choice === undefined) continue;
      found = found.flatMap((base) => choice.flatMap((it) => this.alternatives(it, depth + 1)).map((it) => merged(it, base)));
    }
    return found;
  }

  private lookUp(reference: string): Schema | undefined {
    if (!reference.startsWith("#")) return undefined;
    let at: unknown = this.root;
    for (const step of decodeURIComponent(reference.slice(1)).split("/").slice(1)) {
      at = at !== null && typeof at === "object" ? own(at as Record<string, unknown>, step.replaceAll("~1", "/").replaceAll("~0", "~")) : undefined;
    }
    return at !== null && typeof at === "object" ? (at as Schema) : undefined;
  }

  /** Several schemas in one, for people: types and values of all, the rest of the first that says it. */
  private summary(schemas: Schema[]): Schema {
    const types = [...new Set(schemas.flatMap((it) => typesOf(it)))];
    const values = [...new Set(schemas.flatMap((it) => it.enum ?? []))];
    let whole: Schema = {};
    for (const schema of schemas) whole = merged(schema, whole);
    return { ...whole, ...(types.length > 0 ? { type: types } : {}), ...(values.length > 0 ? { enum: values } : {}) };
  }
}

/** `over` with what only `under` says; members of both are kept. */
function merged(under: Schema, over: Schema): Schema {
  const whole = { ...under, ...over };
  if (under.properties !== undefined && over.properties !== undefined) {
    whole.properties = { ...under.properties, ...over.properties };
  }
  return whole;
}

function own<Value>(record: Record<string, Value> | undefined, key: string): Value | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

function matches(pattern: string, key: string): boolean {
  try {
    return new RegExp(pattern, "u").test(key);
  } catch {
    return false;
  }
}

/** The types that a schema names, or those that its other words tell. */
export function typesOf(schema: Schema): string[] {
  if (schema.type !== undefined) return [schema.type].flat();
  if (schema.properties !== undefined || schema.additionalProperties !== undefined) return ["object"];
  if (schema.items !== undefined) return ["array"];
  return [];
}

/** The values that a schema lists, as YAML has them. */
export function valuesOf(schema: Schema): string[] {
  const listed = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  const types = typesOf(schema);
  const flags = types.includes("boolean") && listed.length === 0 ? [true, false] : [];
  const nothing = types.includes("null") && !types.includes("object") && !types.includes("array") ? [null] : [];
  const usual = schema.default !== undefined && schema.default !== null && typeof schema.default !== "object" ? [schema.default] : [];
  return [...new Set([...listed, ...flags, ...usual, ...(schema.examples ?? []), ...nothing].map(asYaml))];
}

/** A value as it is written in YAML, on one line. */
export function asYaml(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  // A text that would be read as something else, or as structure, is quoted.
  const isPlain = /^[A-Za-z_/][\w ./+-]*$/u.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/iu.test(value) && !value.endsWith(" ");
  return isPlain ? value : JSON.stringify(value);
}

const NAMES: Record<string, string> = {
  integer: "whole number",
  number: "number",
  string: "text",
  boolean: "true or false",
  array: "list",
  object: "section",
  null: "null",
};

/** The type and range in words, as `whole number, 1 to 100000`. */
export function typeInWords(schema: Schema): string {
  const listed = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  if (listed.length > 0) return listed.map(asYaml).join(" | ");
  const types = typesOf(schema);
  // That a section may be empty needs no words.
  const shown = types.filter((it) => it !== "null" || !(types.includes("object") || types.includes("array")));
  const parts = [shown.map((it) => NAMES[it] ?? it).join(" or ")];
  const { minimum: low, maximum: high, exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  if (low !== undefined && high !== undefined) parts.push(`${plain(low)} to ${plain(high)}`);
  else {
    if (low !== undefined) parts.push(`at least ${plain(low)}`);
    if (high !== undefined) parts.push(`at most ${plain(high)}`);
  }
  if (above !== undefined) parts.push(`above ${plain(above)}`);
  if (below !== undefined) parts.push(`below ${plain(below)}`);
  return parts.filter((it) => it !== "").join(", ");
}

/** 0.000001, which JavaScript would write as 1e-6. */
function plain(value: number): string {
  return value.toLocaleString("en", { useGrouping: false, maximumSignificantDigits: 17, maximumFractionDigits: 20 });
}
