// The package's two modules: policy.wasm, which decides, and the reader of policy files.

import { PolicyModule } from "../../shell/src/module";
import { messageOf } from "../../shell/src/shell";
import { ModuleError } from "./errors.js";
import type { Modules } from "./modules.js";
import init, { decisionPoints, sha256 } from "./reader.js";

/** What is there once both are loaded. */
export interface Loaded {
  module: PolicyModule;
  moduleSha256: string;
  /** The decision points' numbers in the module's contract. */
  points: Readonly<Record<string, number>>;
}

let beside: Required<Modules>;
let fetchBytes: (address: URL) => Promise<Uint8Array<ArrayBuffer>>;
let loading: Promise<Loaded> | undefined;

/** Says where the modules lie and how a file is read; each entry of the package does once. */
export function useFiles(files: Required<Modules>, read: (address: URL) => Promise<Uint8Array<ArrayBuffer>>): void {
  beside = files;
  fetchBytes = read;
}

/** Both modules, loaded once; after a failure the next call tries again. */
export function loaded(modules: Modules = {}): Promise<Loaded> {
  loading ??= both(modules).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function both(modules: Modules): Promise<Loaded> {
  const [policy, reader] = await Promise.all([
    bytesOf("policy.wasm", modules.policy ?? beside.policy),
    bytesOf("reader.wasm", modules.reader ?? beside.reader),
  ]);
  // The bytes that are hashed are the bytes that run.
  const [compiled] = await Promise.all([compiledFrom("policy.wasm", policy), initialized(reader)]);
  return { module: moduleFrom(compiled), moduleSha256: sha256(policy), points: decisionPoints() as Record<string, number> };
}

async function bytesOf(name: string, from: URL | BufferSource): Promise<Uint8Array<ArrayBuffer>> {
  if (!(from instanceof URL)) {
    const view = ArrayBuffer.isView(from) ? new Uint8Array(from.buffer, from.byteOffset, from.byteLength) : new Uint8Array(from);
    // A copy: nobody changes it between the digest and the compilation.
    return view.slice() as Uint8Array<ArrayBuffer>;
  }
  try {
    return await fetchBytes(from);
  } catch (error) {
    throw new ModuleError(`${name} could not be read from ${from.href}: ${messageOf(error)}`);
  }
}

async function compiledFrom(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new ModuleError(`${name} is no WebAssembly module: ${messageOf(error)}`);
  }
}

async function initialized(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await init({ module_or_path: await compiledFrom("reader.wasm", bytes) });
}

function moduleFrom(compiled: WebAssembly.Module): PolicyModule {
  try {
    return new PolicyModule(compiled);
  } catch (error) {
    throw new ModuleError(messageOf(error));
  }
}
