// Where everything is. `cargo xtask` says it in the environment; without it, where `cargo xtask build` puts things.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top of the repository. */
export const repository = fileURLToPath(new URL("../../../", import.meta.url));

const target = process.env.CARGO_TARGET_DIR ?? join(repository, "target");

/** What the host embeds. */
const assets = process.env.SPARKWRIGHT_ASSETS ?? join(repository, "target/sparkwright");

/** The built page. */
export const pageFolder = join(assets, "web");

/** The built npm package. */
export const packageFolder = join(assets, "package");

/** The `sparkwright` command. */
export const binary = process.env.SPARKWRIGHT_BINARY ?? join(target, "release/sparkwright");

/** Chromium. */
export const chromium = process.env.SPARKWRIGHT_CHROMIUM ?? "/usr/bin/chromium";

for (const [path, get] of [
  [pageFolder, "cargo xtask build --web"],
  [binary, "cargo xtask build"],
  [chromium, "apt-get install chromium"],
]) {
  if (!existsSync(path)) throw new Error(`there is no ${path}; \`${get}\` gets it`);
}

/** A file of the repository. */
export function inRepository(path) {
  return join(repository, path);
}
