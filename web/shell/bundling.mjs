// What the build and the tests have in common.
import { fileURLToPath } from "node:url";

/** The oldest browsers that the page is for, as it says itself while it loads. */
export const browsers = ["chrome111", "edge111", "firefox114", "safari16.4"];

/** Options of every bundle. Style sheets come as texts, which the page adopts: its policy allows no <style>. */
export const common = {
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  bundle: true,
  format: "esm",
  target: "es2022",
  loader: { ".css": "text" },
  logLevel: "warning",
  legalComments: "none",
};
