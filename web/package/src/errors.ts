// What can go wrong, as types that programs can tell apart.

/** The policy gives no answer: the question is wrong, what is asked for can't be, or a rule of the policy forbids it. */
export class DecisionError extends Error {
  /** What kind of error it is, in a word that programs may rely on, as `bad_input`, `does_not_fit` or `denied`. */
  readonly code: string;
  /** Where in the question or the policy it is, as `executors[2].idle_ms`; empty where there is no such place. */
  readonly path: string;

  constructor(code: string, message: string, path = "") {
    super(path === "" ? message : `${path}: ${message}`);
    this.name = "DecisionError";
    this.code = code;
    this.path = path;
  }
}

/** A module can't be loaded, is not the one that the policy is pinned to, or broke its contract. No decision is behind it. */
export class ModuleError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ModuleError";
  }
}
