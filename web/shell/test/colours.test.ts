// Contrast as WCAG 2 counts it, for every pair of colours that the page puts on each other.

import assert from "node:assert/strict";
import { test } from "node:test";

import { text } from "./repository";

type Scheme = "light" | "dark";

const sheet = text("web/shell/style/colours.css");

/** The colours of a scheme by the names of their properties. */
function colours(scheme: Scheme): Map<string, string> {
  const lines = sheet.matchAll(/--([\w-]+): var\(--light, (#[\da-f]{6})\) var\(--dark, (#[\da-f]{6})\);/g);
  // Later lines are for those who ask for more contrast.
  const found = new Map<string, string>();
  for (const [, name = "", light = "", dark = ""] of lines) if (!found.has(name)) found.set(name, scheme === "light" ? light : dark);
  return found;
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

const GROUNDS = ["ground", "surface", "sunken", "tint"];
const SERIES = Array.from({ length: 8 }, (_, at) => `series-${at}`);
const SYNTAX = ["key", "string", "comment", "word", "number"].map((kind) => `syntax-${kind}`);

for (const scheme of ["light", "dark"] as const) {
  const all = colours(scheme);
  const atLeast = (least: number, names: string[], grounds: string[]) => {
    for (const name of names) {
      for (const ground of grounds) {
        const ratio = contrast(all.get(name) ?? "", all.get(ground) ?? "");
        assert.ok(ratio >= least, `--${name} on --${ground}: ${ratio.toFixed(2)} to 1`);
      }
    }
  };
  test(`text, ${scheme}, is at least 4.5 to 1 on every ground that it stands on`, () => {
    atLeast(4.5, ["text", "muted", "accent", "error", "warning", "fine"], GROUNDS);
    atLeast(4.5, SYNTAX, ["surface", "tint"]);
    atLeast(4.5, ["surface"], ["accent", "fine"]);
  });
  test(`borders of controls and lines of charts, ${scheme}, are at least 3 to 1`, () => {
    atLeast(3, ["border", ...SERIES], ["ground", "surface"]);
    atLeast(3, ["border"], GROUNDS);
  });
}
