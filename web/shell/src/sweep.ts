// Many questions at once. Runs in the worker, and in tests without one.

import { Broken, type PolicyModule, type Session } from "./module";
import { messageOf } from "./shell";
import { elements, Gap, member } from "./splice";

/** One question, asked of several policies for several values of one member. */
export interface SweepRequest {
  policiesJson: string;
  point: number;
  question: string;
  path: string;
  values: string;
  pick: string;
}

/** Questions in a row to one policy. */
export interface ReplayRequest {
  policyJson: string;
  point: number;
  questions: string;
}

/** How many instances are kept for the next sweep; a page compares fewer environments than this. */
const KEPT_SESSIONS = 16;

/** Asks the policy module in bulk. */
export class Bulk {
  /** The instance used last stands last. */
  private readonly sessions = new Map<string, Session>();

  constructor(
    private readonly module: PolicyModule,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The answers' picked numbers: `{"series": [by policy [by value [by pick]]], "errors": [by policy], "ms"}`. */
  sweep(request: SweepRequest): string {
    const started = this.now();
    const gap = new Gap(request.question, request.path, "the question");
    const values = elements(request.values, "the list of values");
    const picks = (JSON.parse(request.pick) as string[]).map((path) => path.split("."));
    const series: (number | null)[][][] = [];
    const errors: (string | null)[] = [];
    for (const policy of elements(request.policiesJson, "the list of policies")) {
      let firstError: string | null = null;
      const rows = values.map((value) => {
        try {
          const envelope = JSON.parse(this.ask(policy, request.point, gap.filled(value))) as Envelope;
          if (envelope.error !== undefined) firstError ??= String(envelope.error.message);
          return picks.map((path) => numberAt(envelope.ok, path));
        } catch (error) {
          firstError ??= messageOf(error);
          return picks.map(() => null);
        }
      });
      series.push(rows);
      errors.push(firstError);
    }
    return JSON.stringify({ series, errors, ms: this.now() - started });
  }

  /** The list of envelopes. The state of the last answer that had one goes into each next question. */
  replay(request: ReplayRequest): string {
    const envelopes: string[] = [];
    let state: string | undefined;
    for (const question of elements(request.questions, "the list of questions")) {
      const asked = state === undefined ? question : new Gap(question, "state", "a question").filled(state);
      const envelope = this.ask(request.policyJson, request.point, asked);
      state = member(envelope, "ok.state") ?? state;
      envelopes.push(envelope);
    }
    return `[${envelopes.join(",")}]`;
  }

  private ask(policy: string, point: number, question: string): string {
    const session = this.sessions.get(policy) ?? this.module.prepare(policy);
    this.sessions.delete(policy);
    try {
      const envelope = session.ask(point, question);
      this.keep(policy, session);
      return envelope;
    } catch (error) {
      if (!(error instanceof Broken)) this.keep(policy, session);
      throw error;
    }
  }

  private keep(policy: string, session: Session): void {
    this.sessions.set(policy, session);
    const [oldest] = this.sessions.keys();
    if (this.sessions.size > KEPT_SESSIONS && oldest !== undefined) this.sessions.delete(oldest);
  }
}

interface Envelope {
  ok?: unknown;
  error?: { message?: unknown };
}

function numberAt(answer: unknown, path: string[]): number | null {
  let at = answer;
  for (const segment of path) {
    if (at === null || typeof at !== "object") return null;
    at = (at as Record<string, unknown>)[segment];
  }
  return typeof at === "number" ? at : null;
}
