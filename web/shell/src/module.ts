// The policy module by nothing but WebAssembly's own interface. Its contract is `core/src/abi.rs`; the limits below are from there.

import { messageOf } from "./shell";

/** The version of the contract that this file speaks. */
const VERSION = 1;
/** The longest input and the longest answer. */
const MAX_BYTES = 4 * 1024 * 1024;
/** The memory that a module is granted. */
const MAX_MEMORY_BYTES = 16 * 1024 * 1024;
/** The custom section that says what the module is. */
const SECTION = "sparkwright";

interface Exports {
  memory: WebAssembly.Memory;
  abi_version(): number;
  alloc(length: number): number;
  free(pointer: number, length: number): void;
  load(pointer: number, length: number): bigint;
  eval(handle: number, point: number, pointer: number, length: number): bigint;
}

/** What the module says it will not do, in its own words. */
export class Refusal extends Error {
  constructor(
    message: string,
    /** A word that programs may rely on. */
    readonly code: string,
    /** Where in the input, or empty. */
    readonly path: string,
  ) {
    super(message);
    this.name = "Refusal";
  }
}

/** An instance broke its contract, trapped or ran out of memory: it is of no more use. */
export class Broken extends Error {
  constructor(message: string) {
    super(`the policy module failed: ${message}`);
    this.name = "Broken";
  }
}

const encoder = new TextEncoder();

/** A compiled policy module. */
export class PolicyModule {
  /** Refuses a module that imports anything: it could do more than compute. */
  constructor(readonly compiled: WebAssembly.Module) {
    const imports = WebAssembly.Module.imports(compiled);
    if (imports.length > 0) {
      const names = imports.map((it) => `${it.module}.${it.name}`).join(", ");
      throw new Error(`the policy module imports ${names}; a policy module imports nothing`);
    }
  }

  /** The JSON text of the module's section on itself, or nothing. */
  metadata(): string {
    const section = WebAssembly.Module.customSections(this.compiled, SECTION)[0];
    return section === undefined ? "" : new TextDecoder().decode(section);
  }

  /** A fresh instance with a resolved policy in it. Throws a {@link Refusal} where the module says no. */
  prepare(policyJson: string): Session {
    return new Session(this.compiled, policyJson);
  }
}

/** An instance with one policy in it. */
export class Session {
  private readonly exports: Exports;
  private readonly handle: number;
  private broken: Broken | undefined;

  constructor(compiled: WebAssembly.Module, policyJson: string) {
    this.exports = instantiated(compiled);
    this.handle = loadedHandle(this.call(policyJson, (pointer, length) => this.exports.load(pointer, length)));
  }

  /** One question to one decision point; the envelope as it was given. Throws {@link Broken}, then and ever after. */
  ask(point: number, question: string): string {
    return this.call(question, (pointer, length) => this.exports.eval(this.handle, point, pointer, length));
  }

  private call(input: string, run: (pointer: number, length: number) => bigint): string {
    if (this.broken !== undefined) throw this.broken;
    const bytes = encoder.encode(input);
    if (bytes.length > MAX_BYTES) {
      throw new Error(`the input has ${bytes.length} bytes; the policy module takes at most ${MAX_BYTES}`);
    }
    try {
      return this.exchange(bytes, run);
    } catch (error) {
      // A trap has no say in what the memory now holds, so nothing more is asked of this instance.
      this.broken = asBroken(error);
      throw this.broken;
    }
  }

  private exchange(bytes: Uint8Array, run: (pointer: number, length: number) => bigint): string {
    const { alloc, free } = this.exports;
    let pointer = 0;
    if (bytes.length > 0) {
      pointer = alloc(bytes.length) >>> 0;
      if (pointer === 0) throw new Broken(`it has no buffer of ${bytes.length} bytes`);
      this.view(pointer, bytes.length).set(bytes);
    }
    // An i64 comes as a signed BigInt.
    const place = BigInt.asUintN(64, run(pointer, bytes.length));
    const [start, length] = [Number(place >> 32n), Number(place & 0xffff_ffffn)];
    if (length > MAX_BYTES) throw new Broken(`its answer has ${length} bytes; ${MAX_BYTES} are allowed`);
    const answer = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.view(start, length));
    free(start, length);
    free(pointer, bytes.length);
    return answer;
  }

  /** A checked view of the memory, made anew each time since every call may move it. */
  private view(pointer: number, length: number): Uint8Array {
    const { buffer } = this.exports.memory;
    if (buffer.byteLength > MAX_MEMORY_BYTES) {
      throw new Broken(`it took ${buffer.byteLength} bytes of memory; ${MAX_MEMORY_BYTES} are granted`);
    }
    if (pointer + length > buffer.byteLength) {
      throw new Broken(`${length} bytes at ${pointer} lie outside its memory of ${buffer.byteLength} bytes`);
    }
    return new Uint8Array(buffer, pointer, length);
  }
}

function asBroken(error: unknown): Broken {
  return error instanceof Broken ? error : new Broken(messageOf(error));
}

/** A new instance's exports, as far as their kinds can be seen. */
function instantiated(compiled: WebAssembly.Module): Exports {
  try {
    return checkedExports(new WebAssembly.Instance(compiled, {}).exports);
  } catch (error) {
    // A start function or `abi_version` that traps is as bad as a missing export.
    throw asBroken(error);
  }
}

function checkedExports(given: WebAssembly.Exports): Exports {
  for (const name of ["abi_version", "alloc", "free", "load", "eval"]) {
    if (typeof given[name] !== "function") throw new Broken(`it exports no function \`${name}\``);
  }
  if (!(given["memory"] instanceof WebAssembly.Memory)) throw new Broken("it exports no memory");
  const exports = given as unknown as Exports;
  const version = exports.abi_version();
  if (version !== VERSION) throw new Broken(`it speaks version ${version} of the contract, this page version ${VERSION}`);
  return exports;
}

function loadedHandle(answer: string): number {
  let envelope: { ok?: { handle?: unknown }; error?: { code?: unknown; message?: unknown; path?: unknown } } | null;
  try {
    envelope = JSON.parse(answer);
  } catch {
    throw new Broken("its answer to the policy is no JSON");
  }
  const { ok, error } = envelope ?? {};
  if (error !== undefined) throw new Refusal(String(error.message), String(error.code), String(error.path ?? ""));
  if (typeof ok?.handle !== "number" || ok.handle < 1) throw new Broken("it gave no handle for the policy");
  return ok.handle;
}
