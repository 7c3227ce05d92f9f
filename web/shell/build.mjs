// Builds the shell: node build.mjs <folder> [<the app's script> [<folder of an earlier build>]]
//
// start.js and worker.js keep their names; chunks have a hash in theirs. With them go the page, which lists what is fetched ahead, its style
// sheet and icon, and the licences of the packages that are in the bundles. The app's script, as wasm-bindgen wrote it, becomes app.js; its
// module and policy.wasm are put into the folder before. In the end each file has its compressed forms beside it, taken from the earlier
// build where the file is the same, and standard output says, in JSON, how much of them a browser fetches.
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import { build } from "esbuild";

import { browsers, common } from "./bundling.mjs";
import { notices } from "./notices.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const [out, app, earlier] = process.argv.slice(2).map((path) => resolve(path));
if (out === undefined) throw new Error("usage: node build.mjs <folder> [<the app's script> [<folder of an earlier build>]]");

const chunkName = "chunk-[name]-[hash]";

await mkdir(out, { recursive: true });
// Chunks of an earlier build have other names and would stay for ever.
for (const name of await readdir(out)) {
  if (/^chunk-.*\.js(\.(gz|br))?$/.test(name)) await rm(join(out, name));
}
const minified = { ...common, minify: true, sourcemap: false, metafile: true, outdir: out };
const { metafile } = await build({ ...minified, entryPoints: ["src/start.ts"], splitting: true, chunkNames: chunkName });
// The worker is one file: it starts with one request.
const worker = await build({ ...minified, entryPoints: ["src/worker.ts"] });
await build({ ...minified, entryPoints: ["style.css"], loader: {}, target: browsers });
if (app !== undefined) await build({ ...minified, entryPoints: { app } });

const outputs = Object.entries(metafile.outputs).map(([path, output]) => ({ name: basename(path), ...output }));
const start = outputs.find((output) => output.name === "start.js");
const chart = outputs.find((output) => output.entryPoint === "src/chart/chart.ts");
const needs = (output) => output.imports.filter((it) => it.kind === "import-statement").map((it) => basename(it.path));
// All that the first decision needs is asked for at once, rather than each when the one before has come.
const modules = new Set([...needs(start), "app.js", chart.name, ...needs(chart)]);
const links = [
  ...[...modules].map((name) => `<link rel="modulepreload" href="${name}">`),
  ...["policy.wasm", "app_bg.wasm"].map((name) => `<link rel="preload" href="${name}" as="fetch" type="application/wasm" crossorigin>`),
];
const page = await readFile(join(here, "index.html"), "utf8");
if (!page.includes("<!-- preload -->")) throw new Error("index.html has no place for what is fetched ahead");
await writeFile(join(out, "index.html"), page.replace("<!-- preload -->", links.join("\n    ")));
await copyFile(join(here, "icon.svg"), join(out, "icon.svg"));

await writeFile(join(out, "licenses.txt"), await notices([metafile, worker.metafile], here));

/** The chunks that a file imports, and those that they import, without what is only imported when it is asked for. */
function imported(output, found = new Set()) {
  for (const name of needs(output)) {
    const chunk = outputs.find((it) => it.name === name);
    if (chunk === undefined || found.has(name)) continue;
    found.add(name);
    imported(chunk, found);
  }
  return found;
}
const editor = outputs.find((output) => output.entryPoint === "src/editor/editor.ts");
const first = new Set([start, chart].flatMap((output) => [output.name, ...imported(output)]));
const later = new Set([editor.name, ...imported(editor)].filter((name) => !first.has(name)));
/** Fetched by whoever asks for it: the licences, and chunks for browsers that lack something. */
const asked = new Set(["licenses.txt", ...outputs.map((output) => output.name).filter((name) => !first.has(name) && !later.has(name))]);

/** Brotli's parameters for WebAssembly: short blocks, and distances as in a font (3 KB of 750 less). Blocks of half as much take 0.5 KB more. */
const OF_MODULES = { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_FONT, [constants.BROTLI_PARAM_LGBLOCK]: 17 };
const isModule = (bytes) => bytes.subarray(0, 4).equals(Buffer.from("\0asm"));

/** Ways to compress, each as small as it gets: by the coding's name, with how the names of such files end. */
const codings = [
  { coding: "gzip", ending: ".gz", compress: (bytes) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }) },
  {
    coding: "brotli",
    ending: ".br",
    compress: (bytes) => promisify(brotliCompress)(bytes, { params: { ...(isModule(bytes) ? OF_MODULES : {}), [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  },
];

/** A file of the earlier build; nothing where there is none. */
async function kept(name) {
  return earlier === undefined ? undefined : readFile(join(earlier, name)).catch(() => undefined);
}

const fetched = {};
const names = (await readdir(out)).filter((name) => !codings.some(({ ending }) => name.endsWith(ending)));
for (const { coding, ending, compress } of codings) {
  const sums = (fetched[coding] = { page: 0, policy: 0, editor: 0 });
  for (const name of names) {
    const bytes = await readFile(join(out, name));
    const same = (await kept(name))?.equals(bytes) ? await kept(name + ending) : undefined;
    const compressed = same ?? (await compress(bytes));
    await writeFile(join(out, name + ending), compressed);
    if (name === "policy.wasm") sums.policy = compressed.length;
    if (later.has(name)) sums.editor += compressed.length;
    else if (!asked.has(name)) sums.page += compressed.length;
  }
}
console.log(JSON.stringify(fetched));
