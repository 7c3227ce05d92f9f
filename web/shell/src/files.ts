// Files: opened, saved to where they came from where the browser can, and dropped on the page.

import { download } from "./clipboard";
import { messageOf, type OpenedFile, type WritableFile } from "./shell";

/** More than any policy or run record; reading more would only stall the page. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;

// The File System Access API is not in TypeScript's library, as only some browsers have it.
interface PickerOptions {
  suggestedName?: string;
  types?: { description: string; accept: Record<string, string[]> }[];
}
interface Pickers {
  showOpenFilePicker?(options: PickerOptions): Promise<FileSystemFileHandle[]>;
  showSaveFilePicker?(options: PickerOptions): Promise<FileSystemFileHandle>;
}
interface WithPermission {
  requestPermission?(options: { mode: "readwrite" }): Promise<PermissionState>;
}
interface WithHandle {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}

/** Where files of these names are to be written back to. */
const handles = new Map<string, FileSystemFileHandle>();

/** The text of a file that the user gave. */
export async function textOf(file: File): Promise<string> {
  if (file.size > MAX_FILE_BYTES) {
    throw new Error(`${file.name} has ${Math.ceil(file.size / 1024 / 1024)} MB; at most ${MAX_FILE_BYTES / 1024 / 1024} MB are opened`);
  }
  let bytes: ArrayBuffer;
  try {
    bytes = await file.arrayBuffer();
  } catch (error) {
    throw new Error(`${file.name} can't be read: ${messageOf(error)}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${file.name} is not a text in UTF-8`);
  }
}

/** Lets the user open a file whose name ends as `accept` says (`.yaml,.yml`); null when the user thinks better of it. */
export async function openFile(accept: string): Promise<OpenedFile | null> {
  const { showOpenFilePicker } = globalThis as Pickers;
  if (showOpenFilePicker === undefined) return openByInput(accept);
  let handle: FileSystemFileHandle | undefined;
  try {
    [handle] = await showOpenFilePicker.call(globalThis, pickerOptions(accept.split(",")));
  } catch (error) {
    if (isCancelled(error)) return null;
    // The picker is kept from frames of other origins and from calls without a click; an input isn't always.
    return openByInput(accept);
  }
  if (handle === undefined) return null;
  const file = await handle.getFile();
  const text = await textOf(file);
  handles.set(file.name, handle);
  return { name: file.name, text };
}

function openByInput(accept: string): Promise<OpenedFile | null> {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = accept;
  return new Promise((resolve, reject) => {
    input.addEventListener("cancel", () => resolve(null));
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (file === undefined) {
        resolve(null);
        return;
      }
      handles.delete(file.name);
      textOf(file).then((text) => resolve({ name: file.name, text }), reject);
    });
    input.click();
  });
}

/** The file that was opened or saved under this name before, else the one that the user names now. */
export async function fileToWrite(name: string): Promise<WritableFile | null | undefined> {
  const known = handles.get(name);
  if (known !== undefined) {
    const text = await textNow(known);
    if (text !== null) return { text };
    // It was moved or removed: where to, or where instead, the user knows.
    handles.delete(name);
  }
  const { showSaveFilePicker } = globalThis as Pickers;
  if (showSaveFilePicker === undefined) return undefined;
  let handle: FileSystemFileHandle;
  try {
    const options = { ...pickerOptions([extension(name)]), suggestedName: name };
    handle = await showSaveFilePicker.call(globalThis, options);
  } catch (error) {
    if (isCancelled(error)) return null;
    if (error instanceof DOMException && error.name === "SecurityError") return undefined;
    throw error;
  }
  // Under both names: the page goes on with the one that it gave.
  handles.set(name, handle);
  handles.set(handle.name, handle);
  return { text: await textNow(handle) };
}

/** Writes the file of this name, unless its text is another than the one that the user was shown. */
export async function writeFile(name: string, text: string, shown: string | null): Promise<boolean> {
  const handle = handles.get(name);
  if (handle === undefined) throw new Error(`it is not known where ${name} is to be written; save it again`);
  const permission = await (handle as WithPermission).requestPermission?.({ mode: "readwrite" });
  if (permission !== undefined && permission !== "granted") throw new Error(`the browser was not allowed to write ${name}`);
  if ((await textNow(handle)) !== shown) return false;
  const stream = await handle.createWritable();
  try {
    await stream.write(contentOf(name, text));
  } catch (error) {
    // The file is only replaced by `close`.
    await stream.abort();
    throw error;
  }
  await stream.close();
  return true;
}

/** Puts a copy among the user's downloads. */
export function downloadFile(name: string, text: string): void {
  download(name, contentOf(name, text));
}

function contentOf(name: string, text: string): Blob {
  return new Blob([text], { type: `${mediaType(name)};charset=utf-8` });
}

/** The text that a file has now; null where it is not there. */
async function textNow(handle: FileSystemFileHandle): Promise<string | null> {
  let file: File;
  try {
    file = await handle.getFile();
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotFoundError") return null;
    throw error;
  }
  return textOf(file);
}

/** Tells of files that are dropped anywhere on the page; `<body data-dropping>` while one is over it. */
export function onDrop(callback: (name: string, text: string) => void, onFault: (message: string) => void): void {
  const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  const mark = (isOver: boolean) => document.body.toggleAttribute("data-dropping", isOver);
  // Before the editor sees them: it would put the file's text where it was dropped.
  const options = { capture: true };
  for (const name of ["dragenter", "dragover"] as const) {
    addEventListener(
      name,
      (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        event.stopPropagation();
        if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "copy";
        mark(true);
      },
      options,
    );
  }
  addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false), options);
  addEventListener("dragend", () => mark(false), options);
  addEventListener(
    "drop",
    (event) => {
      mark(false);
      if (!holdsFiles(event)) return;
      event.preventDefault();
      event.stopPropagation();
      for (const item of event.dataTransfer?.items ?? []) {
        const file = item.getAsFile();
        if (file === null) continue;
        // Asked for now: the event's data are gone once it is over.
        const handle = (item as WithHandle).getAsFileSystemHandle?.().catch(() => null) ?? Promise.resolve(null);
        takeDropped(file, handle, callback).catch((error: unknown) => onFault(messageOf(error)));
      }
    },
    options,
  );
}

async function takeDropped(
  file: File,
  dropped: Promise<FileSystemHandle | null>,
  callback: (name: string, text: string) => void,
): Promise<void> {
  const handle = await dropped;
  if (handle?.kind === "directory") throw new Error(`${file.name} is a folder; drop a file`);
  const text = await textOf(file);
  // A file of the same name from elsewhere must not be written over.
  if (handle === null) handles.delete(file.name);
  else handles.set(file.name, handle as FileSystemFileHandle);
  callback(file.name, text);
}

function isCancelled(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function extension(name: string): string {
  return /\.[A-Za-z0-9]+$/.exec(name)?.[0] ?? "";
}

function mediaType(name: string): string {
  switch (extension(name).toLowerCase()) {
    case ".yaml":
    case ".yml":
      return "application/yaml";
    case ".json":
      return "application/json";
    default:
      return "text/plain";
  }
}

function pickerOptions(endings: string[]): PickerOptions {
  const accept: Record<string, string[]> = {};
  for (const ending of endings.map((it) => it.trim()).filter((it) => /^\.[A-Za-z0-9]+$/.test(it))) {
    (accept[mediaType(ending)] ??= []).push(ending);
  }
  return Object.keys(accept).length === 0 ? {} : { types: [{ description: "Files of this kind", accept }] };
}
