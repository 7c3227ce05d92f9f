// The package where there is `fetch`: browsers, workers, Deno. `node.ts` is the same for Node.js; package.json says who gets which.

import { useFiles } from "./loading.js";

const beside = { policy: new URL("./policy.wasm", import.meta.url), reader: new URL("./reader.wasm", import.meta.url) };

useFiles(beside, async (address) => {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
});

export * from "./api.js";
