// What the page costs, measured in Chromium: node bench.mjs [runs]
//
// Prints a table of medians, or with --json what was measured. The goals are those of the project's issue on the page.
import { launch } from "./equipment/browser.mjs";
import { web } from "./equipment/command.mjs";

const RUNS = Number(process.argv.find((it) => /^\d+$/.test(it)) ?? 9);
/** Moves of the slider in each run. */
const MOVES = 20;
/** Points of a sweep. */
const POINTS = 300;

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Notes in the page, from before its first script on, when what is watched for happens. */
function watchPage() {
  const notes = { drawn: new Map(), decided: undefined };
  globalThis.sparkwrightBench = notes;
  // A chart draws anew from a cleared canvas.
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...given) {
    notes.drawn.set(this.canvas, performance.now());
    return clearRect.apply(this, given);
  };
  new MutationObserver((_, observer) => {
    if (document.querySelector("[data-decision=executors] .value strong") === null) return;
    notes.decided = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });
}

/** One visit with nothing kept from before: what came over the wire until the first decision, and when that was shown. */
async function firstVisit(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  const names = new Map();
  const bytes = new Map();
  session.on("Network.responseReceived", ({ requestId, response }) => names.set(requestId, new URL(response.url).pathname));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => bytes.set(requestId, encodedDataLength));
  await page.addInitScript(watchPage);
  await page.goto(`${url}#/explore`);
  await page.waitForFunction(() => globalThis.sparkwrightBench.decided !== undefined);
  const decided = await page.evaluate(() => globalThis.sparkwrightBench.decided);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  await page.locator("figure.chart canvas").first().waitFor();
  const all = [...bytes].map(([id, length]) => [names.get(id) ?? id, length]);
  // The editor is fetched ahead in a quiet moment after that.
  const files = Object.fromEntries(all.filter(([name]) => !name.startsWith("/chunk-editor-")));
  await context.close();
  const transferred = Object.values(files).reduce((sum, it) => sum + it, 0);
  return { transferred, decided, paint, files };
}

/** Moves of the slider, each from the event to the new decision in the page, and to the chart that is drawn for it. */
async function moves(page) {
  return page.evaluate(async (count) => {
    const notes = globalThis.sparkwrightBench;
    const slider = document.getElementById("size-slider");
    const charts = () => [...document.querySelectorAll(".chart-host")].map((host) => host.shadowRoot.querySelector("canvas")).filter(Boolean);
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const measured = [];
    for (let at = 0; at < count; at += 1) {
      await frame();
      notes.drawn.clear();
      // The page is changed in one go, and this is told of it when all of it is changed.
      const decided = new Promise((resolve) => {
        new MutationObserver((_, observer) => {
          observer.disconnect();
          resolve(performance.now());
        }).observe(document.querySelector(".explore"), { attributes: true, childList: true, subtree: true, characterData: true });
      });
      const began = performance.now();
      slider.value = String(300 + ((at * 137) % 600));
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      const decision = (await decided) - began;
      // Every chart in the page, those whose values come from the worker too.
      while (charts().some((canvas) => !notes.drawn.has(canvas))) await frame();
      measured.push({ decision, drawn: Math.max(...charts().map((canvas) => notes.drawn.get(canvas))) - began });
    }
    return measured;
  }, MOVES);
}

/** A sweep in the worker as the charts ask for one, from the page's call to its answer. */
async function sweeps(page, runs) {
  return page.evaluate(
    async ([points, times]) => {
      const { sparkwright } = globalThis;
      const values = JSON.stringify(Array.from({ length: points }, (_, at) => Math.round(1e6 * 1e8 ** (at / (points - 1)))));
      const ask = () => sparkwright.sweep("bench", "[{}]", 1, "{}", "job.input_bytes", values, '["executors.value","shuffle_partitions.value"]');
      await ask();
      const measured = [];
      for (let at = 0; at < times; at += 1) {
        const began = performance.now();
        const { series, errors } = JSON.parse(await ask());
        measured.push(performance.now() - began);
        if (errors[0] !== null || series[0].length !== points) throw new Error(`the sweep failed: ${errors}`);
      }
      return measured;
    },
    [POINTS, runs],
  );
}

const server = await web("--record", "/nonexistent");
const browser = await launch();
try {
  const visits = [];
  for (let run = 0; run < RUNS; run += 1) visits.push(await firstVisit(browser, server.url));
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(watchPage);
  await page.goto(`${server.url}#/explore`);
  await page.locator("figure.chart canvas").first().waitFor();
  await moves(page);
  const moved = [];
  for (let run = 0; run < RUNS; run += 1) moved.push(...(await moves(page)));
  const swept = await sweeps(page, RUNS * 5);
  await context.close();

  const of = (values) => ({ median: median(values), least: Math.min(...values), most: Math.max(...values) });
  const figures = [
    ["transferred until the first decision", "KB", 800, of(visits.map((it) => it.transferred / 1000))],
    ["first paint", "ms", undefined, of(visits.map((it) => it.paint))],
    ["first decision shown", "ms", 1000, of(visits.map((it) => it.decided))],
    ["slider move to decision", "ms", 16, of(moved.map((it) => it.decision))],
    ["slider move to drawn chart", "ms", 50, of(moved.map((it) => it.drawn))],
    [`sweep of ${POINTS} points in the worker`, "ms", 30, of(swept)],
  ];
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ runs: RUNS, figures, files: visits[0].files }, null, 2));
  } else {
    const line = (cells) => cells.map((cell, at) => (at === 0 ? cell.padEnd(40) : cell.padStart(12))).join("");
    const number = (value, unit) => (value === undefined ? "" : `${value.toFixed(unit === "KB" ? 0 : 1)} ${unit}`);
    console.log(line(["the page in Chromium", "median", "least", "most", "goal"]));
    for (const [name, unit, goal, { median: middle, least, most }] of figures) {
      const wanted = goal === undefined ? "" : `< ${goal} ${unit}`;
      console.log(line([name, number(middle, unit), number(least, unit), number(most, unit), wanted]));
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
