// The package as it was built last: $SPARKWRIGHT_PACKAGE, else where `cargo xtask build --package` puts it.
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The top of the repository. */
export const repository = fileURLToPath(new URL("../../../", import.meta.url));

/** The built package. */
export const folder =
  process.env.SPARKWRIGHT_PACKAGE ?? join(process.env.SPARKWRIGHT_ASSETS ?? join(repository, "target/sparkwright"), "package");

/** What the package offers, in Node.js. */
export const sparkwright = await import(pathToFileURL(join(folder, "node.js")).href);
