// The worker's end of `office.ts`.

import { PolicyModule } from "./module";
import { messageOf } from "./shell";
import { Bulk, type ReplayRequest, type SweepRequest } from "./sweep";

/** What the page sends: the compiled module first, then jobs. */
export type ToWorker =
  | { kind: "module"; compiled: WebAssembly.Module }
  | { kind: "sweep"; id: number; request: SweepRequest }
  | { kind: "replay"; id: number; request: ReplayRequest };

/** What comes back for each job. */
export type FromWorker = { id: number; result: string } | { id: number; error: string };

let bulk: Bulk | undefined;

function done(message: Exclude<ToWorker, { kind: "module" }>): FromWorker {
  const { id } = message;
  try {
    if (bulk === undefined) throw new Error("the worker has no policy module");
    const result = message.kind === "sweep" ? bulk.sweep(message.request) : bulk.replay(message.request);
    return { id, result };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

addEventListener("message", (event: MessageEvent<ToWorker>) => {
  if (event.data.kind === "module") bulk = new Bulk(new PolicyModule(event.data.compiled));
  else postMessage(done(event.data));
});
