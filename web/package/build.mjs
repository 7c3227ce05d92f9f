// Builds the npm package: node build.mjs <bindings> <policy.wasm> <schemas> <folder>
//
// <bindings> is what wasm-bindgen wrote for the crate beside this file (reader.js, reader.d.ts, reader_bg.wasm), <schemas> holds the JSON
// Schemas of the contract as <point>.question.json and <point>.answer.json. Into <folder> go a script for browsers and one for Node.js, both
// with everything in them, the two modules, and types that a compiler has held against the scripts' sources.
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { notices } from "../shell/notices.mjs";
import { contractTypes } from "./types.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const places = process.argv.slice(2).map((path) => resolve(path));
if (places.length !== 4) throw new Error("usage: node build.mjs <bindings> <policy.wasm> <schemas> <folder>");
const [bindings, policy, schemas, out] = places;

/** Where tsconfig.json looks for what the sources import and no source is. */
const generated = join(here, "generated");
await mkdir(generated, { recursive: true });
await mkdir(out, { recursive: true });
await writeFile(join(generated, "contract.d.ts"), await contractTypes(schemas));
await copyFile(join(bindings, "reader.d.ts"), join(generated, "reader.d.ts"));

await declarations();
await copyFile(join(generated, "contract.d.ts"), join(out, "contract.d.ts"));

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["src/index.ts", "src/node.ts"],
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  external: ["node:*"],
  logLevel: "warning",
  legalComments: "none",
  plugins: [
    {
      name: "bindings",
      setup: (bundle) => bundle.onResolve({ filter: /^\.\/reader\.js$/ }, () => ({ path: join(bindings, "reader.js") })),
    },
  ],
});
await writeFile(join(out, "licenses.txt"), await notices([metafile], here));

await copyFile(policy, join(out, "policy.wasm"));
await copyFile(join(bindings, "reader_bg.wasm"), join(out, "reader.wasm"));
for (const name of ["README.md", "example.mjs"]) await copyFile(join(here, name), join(out, name));
await copyFile(join(here, "../../LICENSE"), join(out, "LICENSE"));
const { scripts, devDependencies, ...published } = JSON.parse(await readFile(join(here, "package.json"), "utf8"));
await writeFile(join(out, "package.json"), `${JSON.stringify(published, null, 2)}\n`);

/** Checks the sources, and writes the types of what the package offers. */
async function declarations() {
  const folder = await mkdtemp(join(tmpdir(), "sparkwright-types-"));
  try {
    const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
    // Its messages are on standard output.
    execFileSync(process.execPath, [join(typescript, "bin/tsc"), "--project", here, "--outDir", folder], { stdio: "inherit" });
    const sources = join(folder, "package/src");
    // Only what the entries' types lead to; the rest is the package's own affair.
    const wanted = new Set(["index.d.ts"]);
    for (const name of wanted) {
      const text = await readFile(join(sources, name), "utf8");
      for (const [, imported] of text.matchAll(/from "\.\/(\w+)\.js"/g)) {
        if ((await readdir(sources)).includes(`${imported}.d.ts`)) wanted.add(`${imported}.d.ts`);
      }
      await writeFile(join(out, name), text);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
