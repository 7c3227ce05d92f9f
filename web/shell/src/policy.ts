// The policy module of the page: fetched once, asked here, and in bulk in the worker.

import { sha256 } from "./digest";
import { PolicyModule, type Session } from "./module";
import { Office } from "./office";
import { messageOf, type ModuleFacts } from "./shell";
import type { ReplayRequest, SweepRequest } from "./sweep";

interface Loaded {
  module: PolicyModule;
  office: Office;
  facts: ModuleFacts;
}

/** The module at an address, and the instances of it that the page has. */
export class Policy {
  private loading: Promise<Loaded> | undefined;
  private loaded: Loaded | undefined;
  private readonly sessions = new Map<number, Session>();
  private handles = 0;

  constructor(
    private readonly address: URL,
    private readonly newWorker: () => Worker,
  ) {}

  /** Fetches, compiles and hashes the module; after a failure it may be asked again. */
  async load(): Promise<ModuleFacts> {
    this.loading ??= this.fetch().catch((error: unknown) => {
      this.loading = undefined;
      throw error;
    });
    return (await this.loading).facts;
  }

  /** A fresh instance with a policy in it, by its number. */
  prepare(policyJson: string): number {
    if (this.loaded === undefined) throw new Error("the policy module is not loaded yet");
    const session = this.loaded.module.prepare(policyJson);
    this.handles += 1;
    this.sessions.set(this.handles, session);
    return this.handles;
  }

  release(handle: number): void {
    this.sessions.delete(handle);
  }

  ask(handle: number, point: number, question: string): string {
    const session = this.sessions.get(handle);
    if (session === undefined) throw new Error(`there is no prepared policy ${handle}`);
    return session.ask(point, question);
  }

  async sweep(lane: string, request: SweepRequest): Promise<string> {
    return (await this.office()).sweep(lane, request);
  }

  async replay(lane: string, request: ReplayRequest): Promise<string> {
    return (await this.office()).replay(lane, request);
  }

  private async office(): Promise<Office> {
    await this.load();
    return (this.loaded as Loaded).office;
  }

  private async fetch(): Promise<Loaded> {
    const bytes = await this.bytes();
    // The bytes that are hashed are the bytes that run.
    const [compiled, digest] = await Promise.all([WebAssembly.compile(bytes), sha256(bytes)]);
    const module = new PolicyModule(compiled);
    const facts = { sha256: digest, bytes: bytes.length, metadata: module.metadata() };
    this.loaded = { module, facts, office: new Office(compiled, this.newWorker) };
    return this.loaded;
  }

  private async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    let response: Response;
    try {
      response = await fetch(this.address);
    } catch (error) {
      throw new Error(`policy.wasm could not be fetched: ${messageOf(error)}`);
    }
    if (!response.ok) throw new Error(`policy.wasm could not be fetched: the server answers ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }
}
