// TypeScript types of the contract, made from its JSON Schemas, which are made from the Rust types: `<point>.question.json` and
// `<point>.answer.json`, as `sparkwright schema` prints them.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { compile } from "json-schema-to-typescript";

const BANNER = `// Types of the contract's questions and answers. Made from their JSON Schemas (web/package/types.mjs); \`sparkwright schema\` prints those.
//
// Whole numbers of 64 bits are \`number | bigint\`: a BigInt where the number is above 2^53 - 1.`;

/** The text of `contract.d.ts` for a folder of schemas. */
export async function contractTypes(folder) {
  const known = new Definitions();
  const points = {};
  for (const name of (await readdir(folder)).sort()) {
    const [, point, side] = /^(\w+)\.(question|answer)\.json$/.exec(name) ?? [];
    if (point === undefined) throw new Error(`${name} is no schema of a question or an answer`);
    const root = known.add(JSON.parse(await readFile(join(folder, name), "utf8")));
    (points[point] ??= {})[side] = { $ref: `#/$defs/${root}` };
  }
  const wanted = (members, description) => ({
    type: "object",
    description,
    properties: members,
    required: Object.keys(members),
    additionalProperties: false,
  });
  const sides = Object.entries(points).map(([point, { question, answer }]) => [point, wanted({ question, answer })]);
  const schema = {
    ...wanted(Object.fromEntries(sides), "What each decision point takes and gives."),
    title: "Contract",
    $defs: known.definitions,
  };
  const types = await compile(schema, "Contract", {
    additionalProperties: false,
    bannerComment: BANNER,
    unreachableDefinitions: true,
    style: { printWidth: 120 },
  });
  // Where a type comes from is said once, above.
  const own = types.replaceAll(/(?:\n \*)?\n \* This interface was referenced by .*\n \* via the `definition` .*/g, "");
  return `${own.trimEnd()}\n\n${known.decision()}`;
}

/** The definitions of all schemas together; those of one name are one. */
class Definitions {
  definitions = {};
  /** The shape that all decisions have, with its documentation. */
  shape;

  /** Takes a schema's definitions and the schema itself; gives its name. */
  add({ $schema, $defs = {}, ...root }) {
    for (const [name, definition] of [...Object.entries($defs), [root.title, root]]) {
      if (isDecision(definition)) this.shape ??= definition;
      else this.put(name, fitted(definition, $defs));
    }
    return root.title;
  }

  put(name, definition) {
    const { title, ...rest } = definition;
    const known = this.definitions[name];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(rest)) {
      throw new Error(`two schemas mean different things by ${name}`);
    }
    this.definitions[name] = rest;
  }

  /** `Decision<T>`, which JSON Schema can't say. */
  decision() {
    if (this.shape === undefined) throw new Error("no schema has a decision in it");
    const { description, properties } = this.shape;
    const member = (name, type) => `  /** ${properties[name].description} */\n  ${name}: ${type};\n`;
    const members = member("value", "T") + member("grade", "Grade") + member("trace", "Trace");
    return `/** ${description} */\nexport interface Decision<T> {\n${members}}\n`;
  }
}

function isDecision({ properties = {} }) {
  return Object.keys(properties).sort().join() === "grade,trace,value";
}

/** A schema with what TypeScript says better than JSON Schema. */
function fitted(schema, definitions) {
  if (Array.isArray(schema)) return schema.map((item) => fitted(item, definitions));
  if (schema === null || typeof schema !== "object") return schema;
  const { $ref, ...rest } = schema;
  const name = /^#\/\$defs\/(.+)$/.exec($ref)?.[1];
  const target = definitions[name];
  if (target !== undefined && isDecision(target)) return { ...rest, tsType: `Decision<${nameOf(target.properties.value)}>` };
  // With words of its own a reference would become a type of its own.
  if (name !== undefined && Object.keys(rest).length > 0) return { ...rest, tsType: name };
  const copy = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, fitted(value, definitions)]));
  if (!isLong(schema)) return copy;
  return { ...copy, tsType: [schema.type].flat().includes("null") ? "number | bigint | null" : "number | bigint" };
}

function isLong(schema) {
  return [schema.type].flat().includes("integer") && /^u?int64$/.test(schema.format);
}

/** The TypeScript type of a decision's value. */
function nameOf(schema) {
  const defined = /^#\/\$defs\/(.+)$/.exec(schema.$ref)?.[1];
  if (defined !== undefined) return defined;
  if (isLong(schema)) return "number | bigint";
  const plain = { integer: "number", number: "number", string: "string", boolean: "boolean" }[schema.type];
  if (plain === undefined) throw new Error(`a decision of ${JSON.stringify(schema)} has no TypeScript type yet`);
  return plain;
}
