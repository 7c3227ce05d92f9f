// Places as the policy reader tells them, in lines and characters, as places of the editor, in UTF-16 units.

import type { Diagnostic } from "@codemirror/lint";
import type { Text } from "@codemirror/state";

/** A problem, as `setDiagnostics` takes it. Lines and columns are from 1; 0 stands for no place. A column counts Unicode scalar values. */
export interface Mark {
  line: number;
  column: number;
  /** The place of the first character after it. */
  end_line: number;
  end_column: number;
  severity: "error" | "warning" | "advice";
  message: string;
  help: string;
}

/** The offset of a place; the nearest one where the document has no such place. */
export function offsetOf(document: Text, line: number, column: number): number {
  if (line < 1) return 0;
  if (line > document.lines) return document.length;
  const { text, from } = document.line(line);
  let units = 0;
  // A character outside the basic plane has two units.
  for (let left = column - 1; left > 0 && units < text.length; left -= 1) units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
  return from + units;
}

/** Problems as the editor shows them. */
export function diagnosticsOf(document: Text, json: string): Diagnostic[] {
  const marks = JSON.parse(json) as Mark[];
  const found = marks.map((mark): Diagnostic => {
    const [from, to] = spanOf(document, mark);
    return {
      from,
      to,
      severity: mark.severity === "advice" ? "info" : mark.severity,
      message: mark.help === "" ? mark.message : `${mark.message}\n${mark.help}`,
      ...(mark.help === "" ? {} : { renderMessage: () => withHelp(mark) }),
    };
  });
  return found.sort((a, b) => a.from - b.from || a.to - b.to);
}

function spanOf(document: Text, mark: Mark): [number, number] {
  if (mark.line < 1) return [0, 0];
  const from = offsetOf(document, mark.line, Math.max(1, mark.column));
  const end = mark.end_line < 1 ? from : offsetOf(document, mark.end_line, mark.end_column);
  if (end > from) return [from, end];
  // An empty place would be a hair's breadth: the rest of the word is marked instead.
  const line = document.lineAt(from);
  const word = /^[^\s:,]+/u.exec(line.text.slice(from - line.from))?.[0] ?? "";
  return [from, from + word.length];
}

function withHelp(mark: Mark): HTMLElement {
  const whole = document.createElement("span");
  const help = document.createElement("span");
  help.className = "cm-diagnostic-help";
  help.textContent = mark.help;
  whole.append(mark.message, help);
  return whole;
}
