// Where in a YAML document a position is: which keys lead there, and whether a key or a value is wanted.
//
// In flow style ({…}, […]) the tree says it. In block style the lines' indentation says it, since the tree of a half-written
// line leaves out exactly the part that is asked for.

import { syntaxTree } from "@codemirror/language";
import type { EditorState, Line } from "@codemirror/state";
import type { SyntaxNode } from "@lezer/common";

/** A position in the document, as the schema knows it. */
export interface Place {
  /** The keys that lead to it, outermost first; {@link ITEM} for an element of a list. With a value, its own key stands last. */
  path: string[];
  /** What stands or is wanted there. */
  kind: "key" | "value";
  /** The part of the word that is there, up to the position. */
  from: number;
  /** The end of the word. */
  to: number;
  /** Keys that stand beside it in the same mapping. */
  siblings: Set<string>;
  /** How far its line is indented, for what is put under it. */
  indent: number;
  isFlow: boolean;
}

/** An element of a list, in {@link Place.path}: a text that no key of a mapping can be confused with in a schema. */
export const ITEM = "\u0000item";

/** What one line of block style begins with. */
interface Head {
  /** The columns of its dashes. */
  dashes: number[];
  /** The column of what follows them. */
  column: number;
  /** The key, where there is one, and the places of its ends and of what follows its colon. */
  key: { name: string; from: number; to: number; value: number } | undefined;
}

const KEY = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s#&*!|>%@`"'{}[\],?-][^#]*?|[-?][^\s#][^#]*?))\s*:(?=\s|$)\s*/u;

/** The place at a position; nothing in comments, texts and wherever else no key or value of a schema stands. */
export function placeAt(state: EditorState, position: number): Place | undefined {
  const around = syntaxTree(state).resolveInner(position, -1);
  for (let node: SyntaxNode | null = around; node !== null; node = node.parent) {
    if (node.name === "Comment" || node.name.startsWith("BlockLiteral")) return undefined;
    // At the very end of a flow collection, nothing of it is wanted any more.
    const isOpen = node.lastChild?.name !== "}" && node.lastChild?.name !== "]";
    const isInside = position > node.from && (position < node.to || isOpen);
    if ((node.name === "FlowMapping" || node.name === "FlowSequence") && isInside) return inFlow(state, node, position);
  }
  return inBlock(state, position);
}

function headOf(line: Line): Head {
  const dashes: number[] = [];
  let column = /^ */.exec(line.text)?.[0].length ?? 0;
  for (let dash; (dash = /^-( +|$)/.exec(line.text.slice(column))); column += dash[0].length) dashes.push(column);
  const match = KEY.exec(line.text.slice(column));
  if (match === null) return { dashes, column, key: undefined };
  const name = match[1] ?? match[2] ?? match[3] ?? "";
  const written = match[0].indexOf(":", match[3] === undefined ? name.length + 2 : name.length);
  const from = line.from + column;
  const end = match[0].slice(0, written).trimEnd().length;
  return { dashes, column, key: { name, from, to: from + end, value: from + match[0].length } };
}

/** Whether a line's beginning is the document's structure, not the inside of a text or comment. */
function isStructure(state: EditorState, line: Line, column: number): boolean {
  if (line.text.trim() === "" || line.text[column] === "#" || /^(---|\.\.\.)/.test(line.text)) return false;
  const at = line.from + column;
  for (let node: SyntaxNode | null = syntaxTree(state).resolveInner(at, 1); node !== null; node = node.parent) {
    if (node.name === "BlockLiteralContent" && node.from <= at) return false;
    if (/^(QuotedLiteral|Literal|FlowMapping|FlowSequence|Comment)$/.test(node.name) && node.from < at) return false;
  }
  return true;
}

function inBlock(state: EditorState, position: number): Place | undefined {
  const line = state.doc.lineAt(position);
  const head = headOf(line);
  const written = line.text.slice(0, position - line.from);
  const key = head.key;
  // Left of the dashes, or on them, nothing is wanted.
  if (position < line.from + head.column && head.dashes.some((dash) => dash < written.length)) return undefined;
  const column = Math.min(head.column, line.text.trim() === "" ? written.length : head.column);
  const parents = parentsOf(state, line, head, column);
  if (parents === undefined) return undefined;
  const common = { siblings: siblingsOf(state, line, column), indent: column, isFlow: false };
  if (key !== undefined && position > key.to) {
    // Directly behind the colon a space is missing first.
    if (/^\s*:$/u.test(state.sliceDoc(key.to, position))) return undefined;
    const from = Math.min(key.value, position);
    const value = /^[^#]*?(?=\s*(?:#|$))/u.exec(line.text.slice(from - line.from))?.[0] ?? "";
    return { path: [...parents, key.name], kind: "value", from, to: Math.max(position, from + value.length), ...common };
  }
  const from = line.from + Math.min(head.column, written.length);
  const word = /^[^\s:#]*/u.exec(line.text.slice(from - line.from))?.[0] ?? "";
  // A list of plain values: what stands behind the dash is a key or a value, as the schema has it.
  return { path: parents, kind: "key", from, to: key === undefined ? Math.max(position, from + word.length) : key.to, ...common };
}

/** The keys over a line, outermost first, by going up from indentation to smaller indentation. */
function parentsOf(state: EditorState, line: Line, head: Head, column: number): string[] | undefined {
  const path: string[] = head.dashes.map(() => ITEM);
  let least = head.dashes[0] ?? column;
  let isDash = head.dashes.length > 0;
  for (let number = line.number - 1; number > 0 && (least > 0 || isDash); number -= 1) {
    const above = state.doc.line(number);
    if (/^(---|\.\.\.)/.test(above.text)) break;
    const over = headOf(above);
    if (!isStructure(state, above, over.dashes[0] ?? over.column)) continue;
    // A list may stand as far left as the key that it belongs to.
    if (over.key !== undefined && (over.column < least || (isDash && over.column === least))) {
      // What has a value on its own line has no children.
      const value = above.text.slice(over.key.value - above.from);
      if (value !== "" && !/^(#|[&!][^\s]*\s*(#.*)?$)/u.test(value)) return undefined;
      path.unshift(over.key.name);
      [least, isDash] = [over.column, false];
    }
    for (const dash of [...over.dashes].reverse()) {
      if (dash >= least) continue;
      path.unshift(ITEM);
      [least, isDash] = [dash, true];
    }
  }
  return path;
}

/** The other keys of the mapping whose keys stand in this column around this line. */
function siblingsOf(state: EditorState, line: Line, column: number): Set<string> {
  const found = new Set<string>();
  const startsItem = headOf(line).dashes.length > 0;
  for (const step of startsItem ? [1] : [-1, 1]) {
    for (let number = line.number + step; number > 0 && number <= state.doc.lines; number += step) {
      const other = state.doc.line(number);
      const head = headOf(other);
      if (!isStructure(state, other, head.dashes[0] ?? head.column)) continue;
      if (head.column === column && head.key !== undefined && (head.dashes.length === 0 || step < 0)) found.add(head.key.name);
      if ((head.dashes[0] ?? head.column) < column) break;
    }
  }
  return found;
}

function inFlow(state: EditorState, collection: SyntaxNode, position: number): Place | undefined {
  const before = syntaxTree(state).resolveInner(position, -1);
  let pair: SyntaxNode | null = before;
  while (pair !== null && pair.name !== "Pair" && pair.from > collection.from) pair = pair.parent;
  if (pair !== null && (pair.name !== "Pair" || pair.from <= collection.from)) pair = null;
  // A pair whose value is missing ends at its colon, before the position.
  const last = collection.childBefore(position);
  if (pair === null && last?.name === "Pair") pair = last;
  const parents = flowParents(state, collection);
  if (parents === undefined) return undefined;
  const indent = 0;
  const siblings = new Set(
    collection.getChildren("Pair").flatMap((it) => (it.from === pair?.from ? [] : [keyText(state, it) ?? ""])),
  );
  const word = (from: number) => /^[^\s,:{}[\]#]*/u.exec(state.sliceDoc(from, state.doc.lineAt(from).to))?.[0] ?? "";
  const begun = /[^\s,:{}[\]]*$/u.exec(state.sliceDoc(state.doc.lineAt(position).from, position))?.[0] ?? "";
  const from = position - begun.length;
  const to = Math.max(position, from + word(from).length);
  const common = { from, to, siblings, indent, isFlow: true };
  const colon = pair?.getChild(":");
  const key = pair === null ? undefined : keyText(state, pair);
  if (collection.name === "FlowSequence" && pair === null) return { path: [...parents, ITEM], kind: "value", ...common };
  if (key !== undefined && colon && position > colon.from) return { path: [...parents, key], kind: "value", ...common };
  return { path: parents, kind: "key", ...common };
}

function keyText(state: EditorState, pair: SyntaxNode): string | undefined {
  const key = pair.getChild("Key");
  return key === null ? undefined : state.sliceDoc(key.from, key.to).trim().replace(/^(["'])(.*)\1$/u, "$2");
}

/** The keys that lead to a flow collection: those of the tree, and from the outermost one on those of its line. */
function flowParents(state: EditorState, collection: SyntaxNode): string[] | undefined {
  const path: string[] = [];
  let outermost = collection;
  for (let node = collection.parent; node !== null; node = node.parent) {
    if (node.name === "Pair" && node.parent?.name === "FlowMapping") {
      const key = keyText(state, node);
      if (key !== undefined) path.unshift(key);
    } else if (node.name === "Item" && node.parent?.name === "FlowSequence") path.unshift(ITEM);
    else if (node.name === "FlowMapping" || node.name === "FlowSequence") outermost = node;
  }
  const block = inBlock(state, outermost.from);
  if (block === undefined) return undefined;
  return [...block.path, ...path];
}
