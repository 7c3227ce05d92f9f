// What the page finds in `globalThis.sparkwright`. The Yew crate is written against these lines (`web/src/shell.rs`).

/** What is known of the policy module. */
export interface ModuleFacts {
  /** SHA-256 of its bytes, in hexadecimal. */
  sha256: string;
  /** Its size. */
  bytes: number;
  /** The JSON text of its custom section `sparkwright`; empty where it has none. */
  metadata: string;
}

/** A file that the user gave. */
export interface OpenedFile {
  name: string;
  text: string;
}

/** A file that the page may write, as it is now. */
export interface WritableFile {
  /** Its text; null where it is not there. */
  text: string | null;
}

/** What `mountEditor` takes. */
export interface EditorOptions {
  text: string;
  /** Which document it is the text of: a number that no other has. */
  opening: number;
  /** The JSON Schema of the text, as JSON. */
  schema: string;
  /** What screen readers call the editor. */
  label: string;
  readOnly?: boolean;
}

/** Who is told of each new text, and whether the user made it. */
export type OnChange = (text: string, fromUser: boolean) => void;

/** A text editor in an element. */
export interface Editor {
  /** Puts another text of the same document in by the smallest change, which can be undone; another document begins a history of its own. */
  setText(text: string, opening: number): void;
  /** Marks problems: a JSON list of {@link Mark}. */
  setDiagnostics(json: string): void;
  /** Goes to a place, both numbers from 1, and takes the focus. */
  reveal(line: number, column: number): void;
  destroy(): void;
}

/** A chart in an element. */
export interface Chart {
  /** Draws a `ChartSpec` in JSON, or draws it again; series that the user has hidden stay hidden. */
  draw(spec: string): void;
  /** A picture with title and legend on an opaque ground. */
  png(): Promise<Blob>;
  /** Who is told which place the user picked: its index in the x values. */
  onPick?: (index: number) => void;
  destroy(): void;
}

/** What the browser does for the page. All strings of JSON stay strings: Rust reads them. */
export interface Shell {
  /** Fetches, compiles and hashes `policy.wasm`, once. */
  loadModule(): Promise<ModuleFacts>;
  /** A fresh instance with this resolved policy in it. Throws what the module says of it. */
  prepare(policyJson: string): number;
  /** Lets an instance go. */
  release(handle: number): void;
  /** One question; the whole envelope as JSON. Throws once the instance is dead. */
  ask(handle: number, point: number, question: string): string;
  /** Many questions that differ in one member, in the worker. */
  sweep(
    lane: string,
    policiesJson: string,
    point: number,
    question: string,
    path: string,
    values: string,
    pick: string,
  ): Promise<string>;
  /** Questions in a row, each with the state that the one before left, in the worker. */
  replay(lane: string, policyJson: string, point: number, questions: string): Promise<string>;

  mountEditor(host: HTMLElement, options: EditorOptions, onChange: OnChange): Promise<Editor>;
  newChart(host: HTMLElement): Chart;

  /** Lets the user open a file; null when the user thinks better of it. */
  openFile(accept: string): Promise<OpenedFile | null>;
  /** The file that saving writes, asked for where it isn't known; null when the user thinks better of it, undefined where browsers download. */
  fileToWrite(name: string): Promise<WritableFile | null | undefined>;
  /** Writes that file where its text is still `shown`; false where it is another. */
  writeFile(name: string, text: string, shown: string | null): Promise<boolean>;
  /** Gives the user a copy of a text. */
  downloadFile(name: string, text: string): void;
  /** Tells of files that are dropped anywhere on the page. */
  onDrop(callback: (name: string, text: string) => void): void;

  /** A text as a link can hold it. */
  pack(text: string): Promise<string>;
  /** The text that a link holds. */
  unpack(text: string): Promise<string>;
  copyText(text: string): Promise<void>;
  /** Copies a picture; false where the browser can't and it was downloaded. */
  copyImage(png: Blob): Promise<boolean>;
  /** Who is told of errors that nobody caught; set by the page. */
  onFault?: (message: string) => void;
}

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && error.message !== "") return error.message;
  const text = String(error);
  return text === "" ? "an error without words" : text;
}
