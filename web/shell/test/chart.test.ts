import { drawn, giveSizes, host, settled } from "./page";

import assert from "node:assert/strict";
import { test } from "node:test";

import { PlottedChart } from "../src/chart/chart";
import { DeferredChart } from "../src/chart/deferred";
import type { ChartSpec } from "../src/chart/spec";
import { extent, full, short, ticks } from "../src/chart/units";

giveSizes(800, 400);

test("numbers are told with their units", () => {
  const told = (unit: Parameters<typeof short>[1], values: number[]) => values.map((it) => short(it, unit));
  assert.deepEqual(told("bytes", [0, 1, 999, 1e3, 1e6, 1.5e9, 999.6e9, 1e14, 1e20]), ["0 B", "1 B", "999 B", "1 kB", "1 MB", "1.5 GB", "1 TB", "100 TB", "100 EB"]);
  assert.deepEqual(told("ms", [0, 250, 1000, 90_000, 3_600_000, 86_400_000, 864_000_000]), ["0", "250 ms", "1 s", "1.5 min", "1 h", "24 h", "10 d"]);
  assert.deepEqual(told("executors", [1, 2500]), ["1", "2,500"]);
  assert.deepEqual(told("money", [0, 0.004, 12.5, 1234]), ["0.00", "0.004", "12.50", "1,234.00"]);
  assert.deepEqual([full(1, "executors"), full(12, "executors"), full(1, "partitions"), full(2e6, "bytes")], ["1 executor", "12 executors", "1 partition", "2 MB"]);
});

test("ticks stand where people count", () => {
  const labels = (unit: Parameters<typeof short>[1], ...rest: [boolean, number, number, number]) => ticks(unit, ...rest).map((it) => short(it, unit));
  assert.deepEqual(labels("bytes", true, 1e6, 1e14, 10), ["1 MB", "10 MB", "100 MB", "1 GB", "10 GB", "100 GB", "1 TB", "10 TB", "100 TB"]);
  assert.deepEqual(labels("bytes", true, 1e6, 1e14, 4), ["1 MB", "1 GB", "1 TB"]);
  assert.deepEqual(ticks("ms", false, 0, 3_600_000, 7), [0, 600_000, 1_200_000, 1_800_000, 2_400_000, 3_000_000, 3_600_000]);
  assert.deepEqual(ticks("executors", false, 0, 2.2, 8), [0, 1, 2]);
  assert.deepEqual(ticks("none", false, 0, 1, 10), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  assert.deepEqual(ticks("executors", true, 1, 20, 8), [1, 2, 5, 10, 20]);
  assert.deepEqual(labels("ms", true, 1000, 7_200_000, 9), ["1 s", "10 s", "1 min", "10 min", "1 h"]);
  assert.deepEqual(ticks("none", false, 5, 5, 10), [5]);
  for (const unit of ["bytes", "executors", "ms", "partitions", "money", "none"] as const) {
    for (const isLog of [false, true]) {
      for (const [low, high] of [[1, 1.0001], [0.001, 1e18], [1e-9, 2e-9], [3, 4]] as const) {
        const places = ticks(unit, isLog, low, high, 8);
        assert.ok(places.length <= 20, `${unit} ${low} ${high}: ${places.length}`);
        assert.ok(places.every((it, at) => Number.isFinite(it) && (at === 0 || it > (places[at - 1] ?? 0))), `${unit} ${isLog} ${low} ${high} ${places.join()}`);
      }
    }
  }
});

test("axes hold their values", () => {
  assert.deepEqual(extent(false, null, null), [0, 1]);
  assert.deepEqual(extent(true, null, null), [1, 10]);
  const [low, high] = extent(false, 3, 10);
  assert.ok(low === 0 && high > 10);
  assert.ok(extent(false, 0, 0)[1] > 0);
  assert.ok(extent(true, 5, 5)[0] < 5 && extent(true, 5, 5)[1] > 5);
});

function spec(over: Partial<ChartSpec> = {}): ChartSpec {
  return {
    kind: "step",
    title: "Executors by data size",
    description: "Production goes from 4 to 20.",
    x: { label: "Data", unit: "bytes", log: true, values: [1e6, 1e8, 1e10, 1e12] },
    y: { label: "Executors", unit: "executors", log: false },
    series: [
      { label: "production", colour: 0, dash: false, axis: "y", values: [4, 4, 12, 20] },
      { label: "staging", colour: 1, dash: true, axis: "y", values: [2, null, 6, 10] },
    ],
    bands: [{ label: "production", from: 4, to: 20 }],
    marks: [{ x: 1e10, label: "now", kind: "chosen" }],
    ...over,
  };
}

function parts(element: HTMLElement) {
  const root = element.shadowRoot;
  assert.ok(root);
  const one = (query: string) => {
    const found = root.querySelector<HTMLElement>(query);
    assert.ok(found, query);
    return found;
  };
  return { root, plot: one("[role=img]"), live: one("[aria-live]"), buttons: [...root.querySelectorAll<HTMLElement>("button")] };
}

const key = (target: HTMLElement, name: string) => {
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true });
  target.dispatchEvent(event);
  return event.defaultPrevented;
};

test("a chart is named, drawn, read with the keyboard and picked from", async () => {
  const picked: number[] = [];
  const element = host();
  const chart = new PlottedChart(element, (index) => picked.push(index));
  drawn.length = 0;
  chart.draw(JSON.stringify(spec()));
  await settled();
  const { plot, live, root } = parts(element);
  assert.equal(plot.getAttribute("aria-label"), "Executors by data size. Production goes from 4 to 20.");
  assert.equal(plot.tabIndex, 0);
  const texts = drawn.filter(([name]) => name === "fillText").map(([, given]) => given[0]);
  for (const text of ["100 MB", "1 TB", "now", "production min 4", "production max 20", "Executors", "Data"]) assert.ok(texts.includes(text), `${text} in ${texts.join()}`);
  assert.ok(key(plot, "ArrowRight"));
  assert.equal(live.textContent, "Data 1 TB: production 20 executors, staging 10 executors");
  key(plot, "ArrowLeft");
  assert.equal(live.textContent, "Data 10 GB: production 12 executors, staging 6 executors, now");
  key(plot, "ArrowLeft");
  assert.equal(live.textContent, "Data 100 MB: production 4 executors, staging nothing");
  assert.match(root.querySelector(".legend")?.textContent ?? "", /production4.*staging–.*100 MB/);
  key(plot, "Enter");
  key(plot, "Home");
  key(plot, "ArrowLeft");
  key(plot, "Enter");
  key(plot, "End");
  key(plot, "Enter");
  assert.deepEqual(picked, [1, 0, 3]);
  assert.equal(key(plot, "Tab"), false);
  assert.equal((await chart.png()).type, "image/png");
  chart.destroy();
  assert.ok(element.shadowRoot?.querySelector("slot"));
});

test("a hidden line stays hidden in the next drawing, also of another shape", async () => {
  const element = host();
  const chart = new PlottedChart(element, () => undefined);
  chart.draw(JSON.stringify(spec()));
  await settled();
  parts(element).buttons[1]?.click();
  const pressed = () => parts(element).buttons.map((it) => it.getAttribute("aria-pressed"));
  assert.deepEqual(pressed(), ["true", "false"]);
  chart.draw(JSON.stringify(spec({ title: "Again" })));
  assert.deepEqual(pressed(), ["true", "false"]);
  chart.draw(JSON.stringify(spec({ kind: "line", series: [...spec().series, { label: "new", colour: 2, dash: false, axis: "y", values: [1, 2, 3, 4] }] })));
  assert.deepEqual(pressed(), ["true", "false", "true"]);
  await settled();
  const { plot, live } = parts(element);
  key(plot, "Home");
  assert.equal(live.textContent, "Data 1 MB: production 4 executors, new 1 executor");
  chart.destroy();
});

test("places out of order are sorted, and picked by their own index", async () => {
  const picked: number[] = [];
  const element = host();
  const chart = new PlottedChart(element, (index) => picked.push(index));
  const x = { label: "Data", unit: "bytes" as const, log: true, values: [1e12, 1e6, 1e9] };
  chart.draw(JSON.stringify(spec({ x, series: [{ label: "a", colour: 0, dash: false, axis: "y", values: [3, 1, 2] }], marks: [] })));
  await settled();
  const { plot, live } = parts(element);
  key(plot, "Home");
  assert.equal(live.textContent, "Data 1 MB: a 1 executor");
  key(plot, "Enter");
  key(plot, "End");
  key(plot, "Enter");
  assert.deepEqual(picked, [1, 0]);
  chart.destroy();
});

test("nothing, gaps, zeros on logarithmic axes and a second axis all draw", async () => {
  const one = { label: "a", colour: 0, dash: false, axis: "y" as const };
  const specs: Partial<ChartSpec>[] = [
    { series: [], x: { ...spec().x, values: [] } },
    { series: [{ ...one, values: [null, null, null, null] }] },
    { x: { ...spec().x, values: [0, 1, 2, 3] } },
    { y: { ...spec().y, log: true }, series: [{ ...one, values: [0, 1, -2, 30] }], bands: [{ label: "b", from: 0, to: null }] },
    { y2: { label: "Cost", unit: "money", log: false }, series: [{ ...one, values: [1, 2, 3, 4] }, { ...one, label: "c", axis: "y2", values: [0.1, 0.2, null, 9] }] },
    { x: { ...spec().x, values: [5] }, series: [{ ...one, values: [5] }] },
    { bands: [{ label: "far", from: null, to: 1e6 }, { label: "open", from: null, to: null }] },
    { marks: [...Array(200).keys()].map((at) => ({ x: 1e6 + at, label: `held ${at}`, kind: at % 2 === 0 ? "held" : "event" })) },
  ];
  const element = host();
  const chart = new PlottedChart(element, () => undefined);
  for (const over of specs) {
    chart.draw(JSON.stringify(spec(over)));
    await settled();
    key(parts(element).plot, "End");
  }
  chart.draw(JSON.stringify(spec({ series: [], x: { ...spec().x, values: [] } })));
  assert.match(parts(element).plot.textContent ?? "", /Nothing to show/);
  document.documentElement.setAttribute("data-theme", "dark");
  await settled();
  chart.destroy();
});

test("a chart can be used before its code is there, and ended", async () => {
  const faults: string[] = [];
  const element = host();
  const chart = new DeferredChart(element, (message) => faults.push(message));
  const picked: number[] = [];
  chart.draw(JSON.stringify(spec()));
  chart.onPick = (index) => picked.push(index);
  assert.equal((await chart.png()).type, "image/png");
  key(parts(element).plot, "Home");
  key(parts(element).plot, "Enter");
  assert.deepEqual(picked, [0]);
  chart.destroy();
  const gone = new DeferredChart(host(), (message) => faults.push(message));
  gone.destroy();
  await settled();
  assert.deepEqual(faults, []);
});

test("300 places of 4 lines are drawn again quickly", async () => {
  const values = Array.from({ length: 300 }, (_, at) => 1e6 * 10 ** (at / 40));
  const series = [0, 1, 2, 3].map((at) => ({ label: `line ${at}`, colour: at, dash: false, axis: "y" as const, values: values.map((_, x) => x % (7 + at)) }));
  const json = JSON.stringify(spec({ x: { ...spec().x, values }, series }));
  const chart = new PlottedChart(host(), () => undefined);
  chart.draw(json);
  await settled();
  const started = performance.now();
  chart.draw(json);
  await Promise.resolve();
  const took = performance.now() - started;
  console.log(`300 places of 4 lines: ${took.toFixed(1)} ms without the canvas's own work`);
  assert.ok(took < 500);
  chart.destroy();
});
