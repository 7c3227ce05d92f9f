// A chart by uPlot. Loaded after the page itself, see `deferred.ts`.

import uPlot from "uplot";

import { Frame } from "./frame";
import { boundsOf, Layers } from "./layers";
import { picture } from "./picture";
import { isLogarithmic, shapeOf, type Axis, type ChartSpec } from "./spec";
import { readTheme, watchTheme, type Theme } from "./theme";
import { extent, full, short, ticks } from "./units";

const AXIS_FONT_PX = 12;
/** A bound that is this many times as high as the highest line is named at the edge: drawn, it would press the lines flat. */
const FARTHEST_BOUND = 4;

/** A chart in an element. */
export class PlottedChart {
  private readonly frame: Frame;
  private readonly resizes: ResizeObserver;
  private readonly unwatch: () => void;
  private readonly hidden = new Set<string>();
  private theme: Theme;
  private plot: uPlot | undefined;
  private spec: ChartSpec | undefined;
  /** Where each of the sorted x values stood in the spec. */
  private order: number[] = [];
  private shape = "";
  /** Where the cursor is, in the sorted x values. */
  private index: number | null = null;
  private isByKeyboard = false;

  /** `picked` is told the index of an x value that the user chose. */
  constructor(
    host: HTMLElement,
    private readonly picked: (index: number) => void,
  ) {
    this.frame = new Frame(host);
    this.theme = readTheme(this.frame.probe);
    this.unwatch = watchTheme(() => this.recolour());
    this.resizes = new ResizeObserver(() => this.resize());
    this.resizes.observe(this.frame.plot);
    this.frame.plot.addEventListener("keydown", (event) => this.key(event));
    this.frame.plot.addEventListener("focus", () => this.frame.plot.matches(":focus-visible") && this.moveTo(this.index ?? this.first()));
    this.frame.plot.addEventListener("blur", () => this.moveTo(null));
  }

  /** Draws, or draws again. */
  draw(json: string): void {
    const given = JSON.parse(json) as ChartSpec;
    this.order = given.x.values.map((_, at) => at).sort((a, b) => (given.x.values[a] ?? 0) - (given.x.values[b] ?? 0));
    this.spec = sorted(given, this.order);
    this.frame.show(this.spec, (label) => this.hidden.has(label), (at) => this.toggle(at));
    this.frame.paint(this.spec, this.theme);
    const shape = shapeOf(this.spec);
    if (this.plot !== undefined && shape === this.shape && !this.isEmpty()) this.plot.setData(this.data());
    else this.rebuild();
    this.shape = shape;
    this.tell();
  }

  /** A picture of it. */
  async png(): Promise<Blob> {
    // uPlot draws when the microtasks of the last call are done.
    await new Promise((drawn) => setTimeout(drawn));
    if (this.plot === undefined || this.spec === undefined) throw new Error("there is no chart to take a picture of");
    return picture(this.plot.ctx.canvas, this.spec, this.theme, uPlot.pxRatio, (label) => this.hidden.has(label));
  }

  destroy(): void {
    this.unwatch();
    this.resizes.disconnect();
    this.plot?.destroy();
    this.frame.remove();
  }

  private isEmpty(): boolean {
    return !this.spec?.series.some((series) => series.values.some((value) => value !== null));
  }

  /** Makes the plot anew, or none where there is nothing to draw or no room to draw in. */
  private rebuild(): void {
    this.plot?.destroy();
    this.plot = undefined;
    this.frame.showEmpty(this.spec !== undefined && this.isEmpty());
    const { clientWidth: width, clientHeight: height } = this.frame.plot;
    if (this.spec === undefined || this.isEmpty() || width === 0 || height === 0) return;
    this.plot = new uPlot(this.options(this.spec, width, height), this.data(), this.frame.plot);
    this.plot.over.addEventListener("click", () => this.pick());
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.frame.plot;
    if (width === 0 || height === 0) return;
    if (this.plot === undefined) this.rebuild();
    else if (width !== this.plot.width || height !== this.plot.height) this.plot.setSize({ width, height });
  }

  private recolour(): void {
    this.theme = readTheme(this.frame.probe);
    if (this.spec !== undefined) this.frame.paint(this.spec, this.theme);
    // What the plot caches of colours and fonts goes with it.
    this.rebuild();
  }

  private data(): uPlot.AlignedData {
    const spec = this.spec;
    if (spec === undefined) return [[]];
    const columns = spec.series.map((series) => {
      const isLog = this.isLog(series.axis);
      return isLog ? series.values.map((value) => (value !== null && value > 0 ? value : null)) : series.values;
    });
    return [spec.x.values, ...columns];
  }

  /** Gaps stand for what has no place on a logarithmic axis of values, so such an axis is always what it is asked to be. */
  private isLog(axis: "y" | "y2"): boolean {
    return this.spec?.[axis]?.log === true;
  }

  private options(spec: ChartSpec, width: number, height: number): uPlot.Options {
    const isLogX = isLogarithmic(spec.x, spec.x.values);
    const scale = (axis: "y" | "y2"): uPlot.Scale => ({
      ...(this.isLog(axis) ? { distr: 3 } : {}),
      range: (_, low, high) => this.range(axis, low, high),
    });
    return {
      width,
      height,
      // On the right as much as half of the longest label of a place takes.
      padding: [12, spec.y2 ? 0 : 24, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7, fill: (_, at) => this.colour(at - 1) } },
      scales: {
        x: {
          time: false,
          ...(isLogX ? { distr: 3 } : {}),
          range: (_, low, high) => (high > low ? [low, high] : extent(isLogX, low, high)),
        },
        y: scale("y"),
        ...(spec.y2 ? { y2: scale("y2") } : {}),
      },
      axes: [
        { scale: "x", side: 2, size: 36, ...this.axis(spec.x, isLogX, () => (this.plot?.width ?? width) / 84) },
        { scale: "y", side: 3, size: axisWidth, ...this.axis(spec.y, this.isLog("y"), () => (this.plot?.height ?? height) / 44) },
        ...(spec.y2
          ? [
              {
                scale: "y2",
                side: 1 as const,
                size: axisWidth,
                ...this.axis(spec.y2, this.isLog("y2"), () => (this.plot?.height ?? height) / 44),
                grid: { show: false },
              },
            ]
          : []),
      ],
      series: [
        {},
        ...spec.series.map(
          (series, at): uPlot.Series => ({
            label: series.label,
            scale: series.axis,
            show: !this.hidden.has(series.label),
            width: 2,
            stroke: () => this.colour(at),
            ...(series.dash ? { dash: [7, 4] } : {}),
            ...(spec.kind === "step" && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
            points: { size: 5, fill: () => this.colour(at) },
          }),
        ),
      ],
      hooks: {
        drawClear: [(plot) => this.layers(plot).under()],
        draw: [(plot) => this.layers(plot).over()],
        setCursor: [(plot) => this.follow(plot.cursor.idx ?? null)],
      },
    };
  }

  private axis(axis: Axis, isLog: boolean, most: () => number): uPlot.Axis {
    const font = `${AXIS_FONT_PX}px ${this.theme.font}`;
    return {
      label: axis.label,
      labelSize: 22,
      labelFont: font,
      font,
      gap: 6,
      stroke: () => this.theme.muted,
      grid: { stroke: () => this.theme.line, width: 1 },
      ticks: { stroke: () => this.theme.line, width: 1, size: 5 },
      splits: (_, __, low, high) => ticks(axis.unit, isLog, low, high, Math.floor(most())),
      filter: (_, places) => places,
      values: (_, places) => places.map((place) => short(place, axis.unit)),
    };
  }

  private layers(plot: uPlot): Layers {
    // The hooks are there only while there is a spec.
    return new Layers(plot, this.spec as ChartSpec, this.theme);
  }

  private range(axis: "y" | "y2", low: number | null, high: number | null): [number, number] {
    let [min, max] = [low, high];
    for (const bound of axis === "y" ? (this.spec?.bands.flatMap(boundsOf) ?? []) : []) {
      if (this.isLog(axis) && bound <= 0) continue;
      if (max !== null && bound > Math.max(max, 0) * FARTHEST_BOUND && !this.isLog(axis)) continue;
      min = Math.min(min ?? bound, bound);
      max = Math.max(max ?? bound, bound);
    }
    return extent(this.isLog(axis), min, max);
  }

  private colour(series: number): string {
    return this.theme.series[this.spec?.series[series]?.colour ?? 0] ?? this.theme.text;
  }

  private toggle(at: number): void {
    const label = this.spec?.series[at]?.label;
    if (label === undefined || this.spec === undefined) return;
    if (!this.hidden.delete(label)) this.hidden.add(label);
    this.plot?.setSeries(at + 1, { show: !this.hidden.has(label) });
    this.frame.show(this.spec, (it) => this.hidden.has(it), (it) => this.toggle(it));
    this.tell();
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || this.spec === undefined) return;
    const last = this.spec.x.values.length - 1;
    const from = this.index ?? this.first();
    const page = Math.max(1, Math.round(last / 10));
    const to = {
      ArrowLeft: from - 1,
      ArrowRight: from + 1,
      PageUp: from + page,
      PageDown: from - page,
      Home: 0,
      End: last,
    }[event.key];
    if (to !== undefined && last >= 0) this.moveTo(Math.min(last, Math.max(0, to)));
    else if (event.key === "Enter") this.pick();
    else if (event.key === "Escape") this.moveTo(null);
    else return;
    event.preventDefault();
  }

  /** Where the cursor begins: at the chosen place, else on the left. */
  private first(): number {
    const chosen = this.spec?.marks.find((mark) => mark.kind === "chosen")?.x;
    return Math.max(0, chosen === undefined ? 0 : nearest(this.spec?.x.values ?? [], chosen));
  }

  private moveTo(index: number | null): void {
    const x = index === null ? undefined : this.spec?.x.values[index];
    this.isByKeyboard = true;
    this.index = x === undefined ? null : index;
    // Up to 10 px outside, uPlot takes it that the cursor left.
    this.plot?.setCursor(x === undefined ? { left: -10, top: -10 } : { left: this.plot.valToPos(x, "x"), top: 0 });
    this.isByKeyboard = false;
    this.tell();
    this.frame.say(this.spoken());
  }

  private follow(index: number | null): void {
    if (this.isByKeyboard || index === this.index) return;
    this.index = index;
    this.tell();
  }

  private pick(): void {
    const at = this.index === null ? undefined : this.order[this.index];
    if (at !== undefined) this.picked(at);
  }

  /** Shows the values at the cursor. */
  private tell(): void {
    const { spec, index } = this;
    const x = index === null ? undefined : spec?.x.values[index];
    if (spec === undefined || index === null || x === undefined) {
      this.frame.readOut("", []);
      return;
    }
    const values = spec.series.map((series) => {
      const value = series.values[index];
      if (this.hidden.has(series.label)) return "";
      return value === null || value === undefined ? "–" : short(value, (spec[series.axis] ?? spec.y).unit);
    });
    this.frame.readOut([full(x, spec.x.unit), ...this.marksAt(x)].join(" · "), values);
  }

  private spoken(): string {
    const { spec, index } = this;
    const x = index === null ? undefined : spec?.x.values[index];
    if (spec === undefined || index === null || x === undefined) return "";
    const values = spec.series.flatMap((series) => {
      const value = series.values[index];
      if (this.hidden.has(series.label) || value === undefined) return [];
      return [`${series.label} ${value === null ? "nothing" : full(value, (spec[series.axis] ?? spec.y).unit)}`];
    });
    return `${spec.x.label} ${full(x, spec.x.unit)}: ${[...values, ...this.marksAt(x)].join(", ")}`;
  }

  /** Labels of the marks that are nearest to this x value of all x values. */
  private marksAt(x: number): string[] {
    const values = this.spec?.x.values ?? [];
    const near = this.spec?.marks.filter((mark) => values[nearest(values, mark.x)] === x).map((mark) => mark.label) ?? [];
    return [...new Set(near.filter((label) => label !== ""))];
  }
}

/** The spec with its x values in order: uPlot looks places up by halving. */
function sorted(spec: ChartSpec, order: number[]): ChartSpec {
  const inOrder = <Value>(values: Value[]): Value[] => order.map((at) => values[at] as Value);
  return {
    ...spec,
    x: { ...spec.x, values: inOrder(spec.x.values) },
    series: spec.series.map((series) => ({ ...series, values: inOrder(series.values).map((value) => value ?? null) })),
  };
}

/** The index of the value that is nearest, in values that ascend; -1 where there is none. */
function nearest(values: number[], wanted: number): number {
  let [low, high] = [0, values.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) <= wanted) low = middle;
    else high = middle;
  }
  if (high < 0) return -1;
  return Math.abs((values[low] ?? 0) - wanted) <= Math.abs((values[high] ?? 0) - wanted) ? low : high;
}

/** As wide as its widest number, and the tick beside it. */
function axisWidth(plot: uPlot, values: string[] | null, axis: number): number {
  const font = plot.axes[axis]?.font as unknown;
  // uPlot keeps the font as [for the canvas, …]; its numbers are in the canvas's pixels.
  plot.ctx.font = Array.isArray(font) ? String(font[0]) : String(font);
  const widest = Math.max(0, ...(values ?? []).map((value) => plot.ctx.measureText(value ?? "").width));
  return Math.ceil(widest / uPlot.pxRatio) + 5 + 6 + 4;
}
