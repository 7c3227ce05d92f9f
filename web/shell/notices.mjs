// The licences of the npm packages whose code is in bundles.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What esbuild's metafiles say of the packages in the bundles, as one text; `folder` holds their `node_modules`. */
export async function notices(metafiles, folder) {
  const packages = new Set();
  for (const input of metafiles.flatMap((metafile) => Object.keys(metafile.inputs))) {
    const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (name !== undefined) packages.add(name);
  }
  const texts = [];
  for (const name of [...packages].sort()) {
    const place = join(folder, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(place, "package.json"), "utf8"));
    const file = (await readdir(place)).find((it) => /^licen[cs]e/i.test(it));
    if (file === undefined) throw new Error(`${name} comes without the text of its licence`);
    texts.push(`${name} ${version} (${license})\n\n${(await readFile(join(place, file), "utf8")).trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
