// The package in Node.js, whose `fetch` opens no files.

import { readFile } from "node:fs/promises";

import { useFiles } from "./loading.js";

const beside = { policy: new URL("./policy.wasm", import.meta.url), reader: new URL("./reader.wasm", import.meta.url) };

useFiles(beside, async (address) => new Uint8Array(await readFile(address)));

export * from "./api.js";
