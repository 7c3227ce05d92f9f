import assert from "node:assert/strict";
import { test } from "node:test";

import { CompletionContext } from "@codemirror/autocomplete";
import { yaml } from "@codemirror/lang-yaml";
import { ensureSyntaxTree, indentUnit } from "@codemirror/language";
import { EditorState, Text } from "@codemirror/state";

import { changeBetween, lineEndOf, normalised } from "../src/editor/change";
import { complete, nameAt, schemaField, setSchema } from "../src/editor/help";
import { diagnosticsOf, offsetOf } from "../src/editor/positions";
import { SchemaDocument, typeInWords, valuesOf } from "../src/editor/schema";

/** As `sparkwright schema` writes it, in small: references, choices, lists, free names. */
const SCHEMA = JSON.stringify({
  $defs: {
    optimization: {
      type: "object",
      additionalProperties: false,
      properties: {
        autoscaling: {
          type: ["object", "null"],
          properties: {
            enable_autoscaling: { type: "boolean", default: true, description: "Whether it scales. Takes `true` or `false`." },
            max_executors: { type: "integer", minimum: 1, maximum: 100000, default: 20, description: "Never more." },
            min_executors: { type: "integer", minimum: 1, default: 2 },
          },
        },
        pipeline: { type: "object", properties: { optimization_target: { enum: ["speed", "memory", "balanced"], default: "balanced" } } },
        overwrite: { type: "array", items: { type: "string" } },
      },
    },
  },
  type: "object",
  properties: {
    default_environment: { type: "string", description: "The one." },
    environments: {
      type: ["object", "null"],
      additionalProperties: {
        type: "object",
        properties: { optimization: { anyOf: [{ $ref: "#/$defs/optimization" }, { type: "null" }], description: "What holds here." } },
      },
    },
    global_optimization: { anyOf: [{ $ref: "#/$defs/optimization" }, { type: "null" }] },
    rules: {
      type: ["array", "null"],
      items: {
        type: "object",
        oneOf: [{ required: ["set"] }, { required: ["deny"] }],
        properties: {
          when: { type: ["string", "boolean"] },
          at: { anyOf: [{ enum: ["plan_launch", "control"] }, { type: "array", items: { enum: ["plan_launch", "control"] } }] },
          set: { $ref: "#/$defs/optimization", description: "Keys." },
          deny: { type: "string" },
        },
      },
    },
  },
});

/** The state of a text and the place of its `|`. */
function at(marked: string, schema = SCHEMA): { state: EditorState; position: number } {
  const position = marked.indexOf("|");
  const start = EditorState.create({ doc: marked.replace("|", ""), extensions: [yaml(), schemaField, indentUnit.of("  ")] });
  const { state } = start.update({ effects: setSchema.of(SchemaDocument.parse(schema)) });
  ensureSyntaxTree(state, state.doc.length, 5000);
  return { state, position };
}

function offered(marked: string): string[] {
  const { state, position } = at(marked);
  const result = complete(new CompletionContext(state, position, true));
  return result?.options.map((it) => it.label) ?? [];
}

const OPTIMIZATION = ["autoscaling", "pipeline", "overwrite"];
const AUTOSCALING = ["enable_autoscaling", "max_executors", "min_executors"];
const RULE = ["when", "at", "set", "deny"];
const NOTHING: string[] = [];

for (const [marked, expected] of [
  ["|", ["default_environment", "environments", "global_optimization", "rules"]],
  ["env|", ["default_environment", "environments", "global_optimization", "rules"]],
  ["rules: []\n|\n", ["default_environment", "environments", "global_optimization"]],
  ["global_optimization:\n  |", OPTIMIZATION],
  ["global_optimization:\n  auto|", OPTIMIZATION],
  ["global_optimization: # why\n\n  # more\n  |", OPTIMIZATION],
  ["environments:\n  dev:\n    |", ["optimization"]],
  ["environments:\n  |", NOTHING],
  ["environments:\n  dev:\n    optimization:\n      autoscaling:\n        m|", AUTOSCALING],
  ["environments:\n  dev:\n    optimization:\n      autoscaling:\n        min_executors: 1\n        |\n  prod:\n    optimization: {}\n", ["enable_autoscaling", "max_executors"]],
  ["environments:\n  dev:\n    optimization:\n      autoscaling:\n        |\n        max_executors: 4\n", ["enable_autoscaling", "min_executors"]],
  ["environments:\n  dev:\n    optimization:\n      autoscaling:\n        max_executors: 4\n      |", ["pipeline", "overwrite"]],
  ["environments:\n  dev:\n    optimization:\n      autoscaling:\n        max_executors: 4\n  |", NOTHING],
  ["environments:\n  'dev 1':\n    optimization:\n      pipeline:\n        optimization_target: |", ["speed", "memory", "balanced"]],
  ["global_optimization:\n  pipeline:\n    optimization_target: b|  # quick", ["speed", "memory", "balanced"]],
  ["global_optimization:\n  autoscaling:\n    enable_autoscaling: |", ["true", "false"]],
  ["global_optimization:\n  autoscaling:\n    max_executors: |", ["20"]],
  ["global_optimization:\n  autoscaling:\n    max_executors:|", NOTHING],
  ["rules:\n  - |", RULE],
  ["rules:\n  - when: true\n    |", ["at", "set", "deny"]],
  ["rules:\n- when: true\n  |", ["at", "set", "deny"]],
  ["rules:\n- when: true\n- |", RULE],
  ["rules:\n  - when: true\n    at: |", ["plan_launch", "control"]],
  ["rules:\n  - when: true\n    at: [plan_launch, |]", ["plan_launch", "control"]],
  ["rules:\n  - when: true\n    at:\n      - |", ["plan_launch", "control"]],
  ["rules:\n  - when: true\n    set: {|}", OPTIMIZATION],
  ["rules:\n  - when: true\n    set: {auto|}", OPTIMIZATION],
  ["rules:\n  - when: true\n    set: {pipeline: {}, |}", ["autoscaling", "overwrite"]],
  ["rules:\n  - when: true\n    set: {autoscaling: {max_executors: 4, m|}}", ["enable_autoscaling", "min_executors"]],
  ["rules:\n  - when: true\n    set: {pipeline: {optimization_target: |}}", ["speed", "memory", "balanced"]],
  ["rules:\n  - when: true\n    set: {autoscaling: {enable_autoscaling: t|", ["true", "false"]],
  ["rules:\n  - when: true\n    set: {}\n    |", ["at", "deny"]],
  ["rules:\n  - when: true\n    deny: |-\n", NOTHING],
  ["# global|", NOTHING],
  ["default_environment: x # |", NOTHING],
  ["rules:\n  - deny: >\n      some text\n      |more\n", NOTHING],
  ["rules:\n  - deny: >\n      max: text\n    |", ["when", "at", "set"]],
  ["default_environment: dev\n  |", NOTHING],
  ["other: 3\nunknown:\n  |", NOTHING],
  ['"global_optimization":\n  |', OPTIMIZATION],
] as const) {
  // The first `|` marks the place, also where a text in the block style follows it.
  test(`completion: ${JSON.stringify(marked)}`, () => assert.deepEqual(offered(marked), expected));
}

test("completion comes unasked where a word is begun or a value is missing, and not in empty lines", () => {
  const unasked = (marked: string) => {
    const { state, position } = at(marked);
    return complete(new CompletionContext(state, position, false)) !== null;
  };
  assert.ok(unasked("glo|"));
  assert.ok(unasked("global_optimization:\n  pipeline:\n    optimization_target: |"));
  assert.ok(!unasked("global_optimization:\n  |"));
});

for (const [marked, name, words] of [
  ["environments:\n  dev:\n    optimization:\n      autoscaling:\n        max_exe|cutors: 4\n", "max_executors", "whole number, 1 to 100000"],
  ["environments:\n  dev:\n    optimization:\n      autoscaling:\n        max_executors: |44\n", "max_executors", "whole number, 1 to 100000"],
  ["environments:\n  dev:\n    optimi|zation:\n", "optimization", "section"],
  ["rules:\n  - when: true\n    set: {autoscaling: {min_ex|ecutors: 4}}", "min_executors", "whole number, at least 1"],
  ["rules:\n  - when: true\n    at: [plan_l|aunch]", "at", "plan_launch | control"],
  ["|rules:\n  - when: true\n", "rules", "list"],
] as const) {
  test(`help: ${JSON.stringify(marked)}`, () => {
    const { state, position } = at(marked);
    const found = nameAt(state, position);
    assert.equal(found?.name, name);
    assert.equal(typeInWords(found.about), words);
  });
}

test("no help where the schema knows nothing", () => {
  for (const marked of ["unkn|own: 1", "environments:\n  de|v: {}", "# rul|es", "rules: |\n"]) {
    const { state, position } = at(marked);
    const found = nameAt(state, position);
    assert.ok(found === undefined || found.about.description === undefined, `${marked}: ${JSON.stringify(found)}`);
  }
});

test("the description beside a reference wins, and circles end", () => {
  const schema = SchemaDocument.parse(SCHEMA);
  assert.equal(schema.about(["environments", "dev", "optimization"])?.description, "What holds here.");
  const circle = SchemaDocument.parse('{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}');
  assert.equal(circle.about(["x"]), undefined);
  const deep = SchemaDocument.parse('{"properties":{"next":{"$ref":"#"}}}');
  assert.deepEqual([...deep.keys(["next", "next", "next"]).keys()], ["next"]);
});

test("values are written as YAML reads them", () => {
  assert.deepEqual(valuesOf({ enum: ["auto", "no", "1", "", "a: b", true, null] }), ["auto", '"no"', '"1"', '""', '"a: b"', "true", "null"]);
  assert.equal(typeInWords({ type: "number", minimum: 0.000001, maximum: 1e9 }), "number, 0.000001 to 1000000000");
});

test("columns count characters, not UTF-16 units", () => {
  const document = Text.of(["a🚀b: ü", "", "𝒳𝒴"]);
  assert.equal(offsetOf(document, 1, 1), 0);
  assert.equal(offsetOf(document, 1, 2), 1);
  assert.equal(offsetOf(document, 1, 3), 3);
  assert.equal(offsetOf(document, 1, 6), 6);
  assert.equal(offsetOf(document, 2, 1), 8);
  assert.equal(offsetOf(document, 3, 2), 11);
  assert.equal(offsetOf(document, 3, 3), 13);
  assert.equal(offsetOf(document, 3, 99), 13);
  assert.equal(offsetOf(document, 9, 1), 13);
  assert.equal(offsetOf(document, 0, 0), 0);
});

test("problems stand where they are, also after characters outside the basic plane", () => {
  const document = Text.of(["🚀🚀: bad # x", "next: word, 1"]);
  const mark = { line: 1, column: 5, end_line: 1, end_column: 8, severity: "error", message: "no", help: "yes" };
  const [first] = diagnosticsOf(document, JSON.stringify([mark]));
  assert.equal(document.sliceString(first?.from ?? 0, first?.to), "bad");
  assert.equal(first?.message, "no\nyes");
  const others = diagnosticsOf(
    document,
    JSON.stringify([
      { ...mark, line: 2, column: 7, end_line: 2, end_column: 7, severity: "advice", help: "" },
      { ...mark, line: 0, column: 0, end_line: 0, end_column: 0, severity: "warning" },
      { ...mark, line: 77, column: 7, end_line: 99, end_column: 7 },
      { ...mark, line: 1, column: 1, end_line: 2, end_column: 5 },
    ]),
  );
  assert.deepEqual(
    others.map((it) => [it.from, it.to, it.severity]),
    [
      [0, 0, "warning"],
      [0, 18, "error"],
      [20, 24, "info"],
      [27, 27, "error"],
    ],
  );
});

test("a change keeps what texts begin and end with", () => {
  const apply = (before: string, after: string) => {
    const change = changeBetween(before, after);
    if (change === undefined) return before;
    return before.slice(0, change.from) + change.insert + before.slice(change.to);
  };
  assert.equal(changeBetween("same", "same"), undefined);
  assert.deepEqual(changeBetween("max: 4 # why\n", "max: 12 # why\n"), { from: 5, to: 6, insert: "12" });
  assert.deepEqual(changeBetween("aa", "aaa"), { from: 2, to: 2, insert: "a" });
  // 🚀 and 🚁 have their first unit in common, 🚀 and 🨀 their last.
  assert.deepEqual(changeBetween("x🚀y", "x🚁y"), { from: 1, to: 3, insert: "🚁" });
  assert.deepEqual(changeBetween("x🚀y", "x🪀y"), { from: 1, to: 3, insert: "🪀" });
  for (const before of ["", "a", "aba", "abab\n", "🚀", "🚀🚀"]) for (const after of ["", "b", "ab", "babab", "🚁🚀", "🚀"]) assert.equal(apply(before, after), after);
});

test("line ends are told apart", () => {
  assert.equal(lineEndOf("a\r\nb\r\nc\n"), "\r\n");
  assert.equal(lineEndOf("a\nb\r\nc\n"), "\n");
  assert.equal(lineEndOf("a"), "\n");
  assert.equal(normalised("a\r\nb\rc\n"), "a\nb\nc\n");
});
