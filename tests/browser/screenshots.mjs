// Pictures of every view: node screenshots.mjs <folder> [scene …]
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { launch } from "./equipment/browser.mjs";
import { web } from "./equipment/command.mjs";
import { RECORDED } from "./equipment/runs.mjs";
import { SCENES, fill } from "./equipment/scenes.mjs";

const [into, ...wanted] = process.argv.slice(2);
if (into === undefined) throw new Error("usage: node screenshots.mjs <folder> [scene …]");
const scenes = wanted.length === 0 ? SCENES : wanted;
const folder = resolve(into);
await mkdir(folder, { recursive: true });

const WINDOWS = [
  { width: 360, height: 740 },
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
];

const server = await web("--record", RECORDED);
const browser = await launch();
try {
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of WINDOWS) {
      for (const scene of scenes) {
        const context = await browser.newContext({ colorScheme, viewport, reducedMotion: "reduce", deviceScaleFactor: 1 });
        const page = await context.newPage();
        await page.goto(`${server.url}#/policy`);
        await fill(page, scene);
        const path = join(folder, `${scene}-${colorScheme}-${viewport.width}.png`);
        await page.screenshot({ path, fullPage: viewport.width === 360 });
        console.log(path);
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
