// Completion and hover help from the schema.
//
// codemirror-json-schema 0.8 was tried first: in YAML it offers nothing after a key and in empty lines, nothing behind `anyOf` with
// `$ref`, and weighs 250 KB compressed.

import {
  insertCompletionText,
  pickedCompletion,
  startCompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { indentUnit } from "@codemirror/language";
import { StateEffect, StateField, type EditorState } from "@codemirror/state";
import type { EditorView, Tooltip } from "@codemirror/view";

import { ITEM, placeAt, type Place } from "./place";
import { asYaml, SchemaDocument, typeInWords, typesOf, valuesOf, type Schema } from "./schema";

/** Replaces the schema. */
export const setSchema = StateEffect.define<SchemaDocument>();

/** The schema of the document. */
export const schemaField = StateField.define<SchemaDocument>({
  create: () => new SchemaDocument({}),
  update: (schema, transaction) => transaction.effects.find((it) => it.is(setSchema))?.value ?? schema,
});

/** What may stand at the cursor. */
export function complete(context: CompletionContext): CompletionResult | null {
  const { state, pos } = context;
  const place = placeAt(state, pos);
  // Unasked, it only comes once something is written.
  if (place === undefined || (place.from === pos && !context.explicit && !isAfterColon(state, place))) return null;
  const schema = state.field(schemaField);
  const options = place.kind === "key" ? [...keys(schema, place, state), ...items(schema, place)] : values(schema, place);
  if (options.length === 0) return null;
  return { from: place.from, to: place.to, options, validFor: /^[\w.+-]*$/u };
}

function isAfterColon(state: EditorState, place: Place): boolean {
  return place.kind === "value" && /:\s$/u.test(state.sliceDoc(Math.max(0, place.from - 2), place.from));
}

function keys(schema: SchemaDocument, place: Place, state: EditorState): Completion[] {
  const found: Completion[] = [];
  for (const [name, about] of schema.keys(place.path)) {
    if (place.siblings.has(name)) continue;
    const isSection = typesOf(about).some((it) => it === "object" || it === "array");
    found.push({
      label: name,
      type: isSection ? "namespace" : "property",
      detail: isSection ? (typesOf(about).includes("array") ? "list" : "section") : detail(about),
      info: () => helpElement(name, about),
      // Sections first: they are the document's shape.
      boost: isSection ? 2 : 0,
      apply: (view, completion, from, to) => applyKey(view, completion, from, to, about, place, state.facet(indentUnit)),
    });
  }
  return found;
}

/** Short enough to stand beside the name; the whole is in the help. */
function detail(about: Schema): string {
  const words = typeInWords(about);
  return words.length > 40 ? `${words.slice(0, 39)}…` : words;
}

function applyKey(
  view: EditorView,
  completion: Completion,
  from: number,
  to: number,
  about: Schema,
  place: Place,
  unit: string,
): void {
  const line = view.state.doc.lineAt(to);
  const hasColon = /^\s*:/u.test(line.text.slice(to - line.from));
  const types = typesOf(about);
  let behind = ": ";
  if (hasColon) behind = "";
  else if (!place.isFlow && (types.includes("object") || types.includes("array"))) {
    behind = `:\n${" ".repeat(place.indent)}${unit}${types.includes("array") ? "- " : ""}`;
  }
  view.dispatch({
    ...insertCompletionText(view.state, completion.label + behind, from, to),
    annotations: pickedCompletion.of(completion),
  });
  if (behind !== "") startCompletion(view);
}

/** A dash is followed by a key where the list holds mappings, and by a value where it holds values. */
function items(schema: SchemaDocument, place: Place): Completion[] {
  if (place.isFlow || place.path.at(-1) !== ITEM) return [];
  const about = schema.about(place.path);
  return about === undefined || typesOf(about).includes("object") ? [] : valueOptions(about);
}

function values(schema: SchemaDocument, place: Place): Completion[] {
  const about = schema.about(place.path);
  return about === undefined ? [] : valueOptions(about);
}

function valueOptions(about: Schema): Completion[] {
  const usual = about.default === undefined ? undefined : asYaml(about.default);
  return valuesOf(about).map((label, at) => ({
    label,
    type: about.enum === undefined ? "constant" : "enum",
    ...(label === usual ? { detail: "default" } : {}),
    boost: -at,
  }));
}

/** What the schema says of what stands at a position. */
export function hover(view: EditorView, position: number): Tooltip | null {
  const named = nameAt(view.state, position);
  if (named === undefined) return null;
  const { name, about, from, to } = named;
  return { pos: from, end: to, above: true, create: () => ({ dom: helpElement(name, about) }) };
}

/** The key or value at a position with what the schema says of it. */
export function nameAt(
  state: EditorState,
  position: number,
): { name: string; about: Schema; from: number; to: number } | undefined {
  const line = state.doc.lineAt(position);
  // Asked at its end, a word is whole and in the tree.
  const end = position + (/^[^\s:,{}[\]#]*/u.exec(line.text.slice(position - line.from))?.[0].length ?? 0);
  const place = placeAt(state, end);
  if (place === undefined || position < place.from || position > place.to || place.from === place.to) return undefined;
  const written = state.sliceDoc(place.from, place.to).trim().replace(/^(["'])(.*)\1$/u, "$2");
  const path = place.kind === "key" ? [...place.path, written] : place.path;
  const about = state.field(schemaField).about(path);
  const name = path.filter((it) => it !== ITEM).at(-1);
  if (about === undefined || name === undefined) return undefined;
  return { name, about, from: place.from, to: place.to };
}

/** The help on a key: its name, what it is, what it takes and what holds without it. */
function helpElement(name: string, about: Schema): HTMLElement {
  const help = document.createElement("div");
  help.className = "cm-help";
  const paragraph = (className: string, ...parts: (Node | string)[]) => {
    const made = document.createElement("p");
    made.className = className;
    made.append(...parts);
    help.append(made);
  };
  const code = (text: string) => {
    const made = document.createElement("code");
    made.textContent = text;
    return made;
  };
  paragraph("cm-help-name", code(name));
  if (about.description !== undefined) {
    // Text in backticks is code; everything else stays text, whatever it holds.
    const parts = about.description.split("`").map((part, at) => (at % 2 === 1 ? code(part) : part));
    paragraph("cm-help-text", ...parts);
  }
  const takes = typeInWords(about);
  if (takes !== "") paragraph("cm-help-fact", "Takes: ", code(takes));
  if (about.pattern !== undefined && about.enum === undefined) paragraph("cm-help-fact", "Pattern: ", code(about.pattern));
  if (about.default !== undefined) paragraph("cm-help-fact", "Default: ", code(asYaml(about.default)));
  return help;
}
