// Members of JSON texts, taken and put in as text: `JSON.parse` would round numbers above 2^53.

import { applyEdits, findNodeAtLocation, modify, parseTree, type JSONPath, type Node } from "jsonc-parser";

/** The tree of a JSON text. Throws where it is none, calling it `what`. */
function treeOf(json: string, what: string): Node {
  try {
    // The tree parser forgives comments and commas, the module doesn't.
    JSON.parse(json);
  } catch (error) {
    throw new Error(`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const tree = parseTree(json);
  if (tree === undefined) throw new Error(`${what} is not JSON`);
  return tree;
}

function textOf(json: string, node: Node): string {
  return json.slice(node.offset, node.offset + node.length);
}

/** The texts of a JSON list's elements. */
export function elements(json: string, what: string): string[] {
  const tree = treeOf(json, what);
  if (tree.type !== "array") throw new Error(`${what} is no list`);
  return (tree.children ?? []).map((node) => textOf(json, node));
}

/** The text of the member at a path as `ok.state`; nothing where there is none. */
export function member(json: string, path: string): string | undefined {
  const tree = treeOf(json, "the answer");
  const node = findNodeAtLocation(tree, located(tree, path));
  return node === undefined ? undefined : textOf(json, node);
}

/** A JSON object with a gap where one member's value belongs. */
export class Gap {
  private readonly before: string;
  private readonly after: string;

  /** Makes the gap at `path`, as `job.input_bytes` or `nodes.0.bytes`; objects on the way that are missing or null are made. */
  constructor(json: string, path: string, what: string) {
    let text = json;
    const segments = path.split(".");
    for (let depth = 0; depth <= segments.length; depth += 1) {
      const tree = treeOf(text, what);
      const place = located(tree, segments.slice(0, depth).join("."));
      const node = findNodeAtLocation(tree, place);
      const isLast = depth === segments.length;
      if (!isLast && (node?.type === "object" || node?.type === "array")) continue;
      if (!isLast && node !== undefined && node.type !== "null") {
        throw new Error(`\`${path}\` can't be set in ${what}: \`${segments.slice(0, depth).join(".")}\` is a ${node.type}`);
      }
      text = depth === 0 ? "{}" : applyEdits(text, modify(text, place, isLast ? 0 : {}, {}));
    }
    const tree = treeOf(text, what);
    const node = findNodeAtLocation(tree, located(tree, path));
    if (node === undefined) throw new Error(`\`${path}\` can't be set in ${what}`);
    this.before = text.slice(0, node.offset);
    this.after = text.slice(node.offset + node.length);
  }

  /** The object with this JSON text in the gap. */
  filled(value: string): string {
    return this.before + value + this.after;
  }
}

/** The path for the tree: a number is an index only where a list stands. */
function located(tree: Node, path: string): JSONPath {
  const place: JSONPath = [];
  for (const segment of path === "" ? [] : path.split(".")) {
    const isIndex = findNodeAtLocation(tree, place)?.type === "array" && /^\d+$/.test(segment);
    place.push(isIndex ? Number(segment) : segment);
  }
  return place;
}
