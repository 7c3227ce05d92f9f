// The smallest change from one text to another, and how its lines end.

/** What is put in place of what. */
export interface Change {
  from: number;
  to: number;
  insert: string;
}

/** The part in which two texts differ, without what they begin and end with in common; nothing where they are the same. */
export function changeBetween(before: string, after: string): Change | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before.charCodeAt(from) === after.charCodeAt(from)) from += 1;
  // A character of two units stays whole.
  if (from > 0 && isHighSurrogate(before.charCodeAt(from - 1))) from -= 1;
  let same = 0;
  while (same < shorter - from && before.charCodeAt(before.length - 1 - same) === after.charCodeAt(after.length - 1 - same)) same += 1;
  if (same > 0 && isLowSurrogate(before.charCodeAt(before.length - same))) same -= 1;
  return { from, to: before.length - same, insert: after.slice(from, after.length - same) };
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** What most lines of a text end with; the editor itself knows only "\n". */
export function lineEndOf(text: string): "\n" | "\r\n" {
  const windows = text.split("\r\n").length - 1;
  return windows > 0 && windows * 2 > text.split("\n").length - 1 ? "\r\n" : "\n";
}

/** A text with "\n" at the end of each line. */
export function normalised(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}
