// What is read of a policy file, as the host's commands print it.

/** How bad a problem is: `error` means that the policy can't be used. */
export type Severity = "error" | "warning" | "advice";

/** One problem of a policy file and its place. */
export interface Diagnostic {
  /** The name of the file or override that it is in. */
  file: string;
  severity: Severity;
  /** What kind of problem it is, as `unknown_key`: a word that programs may rely on. */
  code: string;
  /** What is wrong, for people. */
  message: string;
  /** The line, from 1; 0 where no place in the text is at fault. */
  line: number;
  /** The column in characters, from 1; 0 where no place in the text is at fault. */
  column: number;
  /** The line of the first character after the place. */
  end_line: number;
  /** The column of the first character after the place. */
  end_column: number;
  /** The path of keys that leads there; empty for the file as a whole. */
  path: string;
  /** What would have been right; empty where the message says it. */
  expected: string;
  /** What stands there; empty where the message says it. */
  found: string;
  /** What to do about it; empty where there is nothing to add. */
  help: string;
  /** The text of the line, or the part of a very long line around the place. */
  excerpt: string;
  /** The column of the excerpt's first character. */
  excerpt_column: number;
}

/** A value of a policy; sizes above 2^53 - 1 bytes are BigInts. */
export type PolicyValue = boolean | number | bigint | string | null | PolicyValue[] | { [name: string]: PolicyValue };

/** Every key of a policy with its value, section by section, and `origins`: the layer of each key that is not built in. */
export type PolicyValues = { [section: string]: PolicyValue };
