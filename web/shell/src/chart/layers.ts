// What is drawn over and under the lines: bounds and marks.

import uPlot from "uplot";

import type { Band, ChartSpec, Mark } from "./spec";
import type { Theme } from "./theme";
import { short } from "./units";

/** Label sizes and distances in CSS pixels; the canvas has `devicePixelRatio` times as many. */
const LABEL_PX = 11;
const GAP_PX = 4;
const TRIANGLE_PX = 4;
/** Rows that labels of marks may take at the top before those that don't fit are left to the read-out. */
const LABEL_ROWS = 3;

/** The ends of a band that are there. */
export function boundsOf(band: Band): number[] {
  return [band.from, band.to].filter((it) => it !== null);
}

/** Draws on a plot what is no line. */
export class Layers {
  private readonly context: CanvasRenderingContext2D;
  private readonly ratio: number;

  constructor(
    private readonly plot: uPlot,
    private readonly spec: ChartSpec,
    private readonly theme: Theme,
  ) {
    this.context = plot.ctx;
    this.ratio = uPlot.pxRatio;
  }

  /** The shade between bounds; under everything. */
  under(): void {
    const { top, height } = this.plot.bbox;
    this.clipped(() => {
      for (const band of this.spec.bands) {
        if (boundsOf(band).length === 0) continue;
        const high = band.to === null ? top : this.heightOf(band.to);
        const low = band.from === null ? top + height : this.heightOf(band.from);
        this.context.globalAlpha = 0.08;
        this.context.fillStyle = this.theme.accent;
        this.context.fillRect(this.plot.bbox.left, high, this.plot.bbox.width, low - high);
      }
    });
  }

  /** The bounds as lines, and the marks; over everything. */
  over(): void {
    for (const band of this.spec.bands) this.bounds(band);
    for (const mark of this.spec.marks) this.mark(mark);
    this.markLabels();
  }

  private bounds(band: Band): void {
    const { top, left, width, height } = this.plot.bbox;
    for (const [end, value] of [
      ["min", band.from],
      ["max", band.to],
    ] as const) {
      if (value === null) continue;
      const y = this.heightOf(value);
      const name = band.from !== null && band.to !== null ? `${band.label} ${end}` : band.label;
      const label = `${name} ${short(value, this.spec.y.unit)}`;
      const isAbove = y < top;
      if (!isAbove && y <= top + height) {
        this.clipped(() => {
          this.context.setLineDash([this.px(4), this.px(3)]);
          this.stroke(this.theme.muted, [left, y], [left + width, y]);
        });
      } else if (!isAbove) continue;
      // A bound far over the lines would press them flat; it is named at the edge instead.
      const text = isAbove ? `${label} ↑` : label;
      const base = isAbove || y - top < this.px(LABEL_PX + 2 * GAP_PX) ? Math.max(y, top) + this.px(LABEL_PX + GAP_PX) : y - this.px(GAP_PX);
      this.label(text, left + width - this.px(GAP_PX), base, "right", this.theme.muted);
    }
  }

  private mark(mark: Mark): void {
    const { top, left, width, height } = this.plot.bbox;
    const x = this.plot.valToPos(mark.x, "x", true);
    if (!(x >= left - 1 && x <= left + width + 1)) return;
    if (mark.kind === "held") {
      const size = this.px(TRIANGLE_PX);
      const base = top + height;
      this.context.beginPath();
      this.context.moveTo(x - size, base);
      this.context.lineTo(x + size, base);
      this.context.lineTo(x, base - 2 * size);
      this.context.closePath();
      this.context.fillStyle = this.theme.text;
      this.context.fill();
      return;
    }
    const isChosen = mark.kind === "chosen";
    this.clipped(() => {
      if (!isChosen) this.context.setLineDash([this.px(2), this.px(3)]);
      this.stroke(isChosen ? this.theme.accent : this.theme.muted, [x, top], [x, top + height]);
    });
    if (isChosen) this.dots(mark.x, x);
  }

  /** A dot on each line at the chosen place. */
  private dots(value: number, x: number): void {
    const at = this.spec.x.values.indexOf(value);
    if (at < 0) return;
    this.spec.series.forEach((series, index) => {
      const y = series.values[at];
      if (y === null || y === undefined || this.plot.series[index + 1]?.show === false) return;
      const height = this.plot.valToPos(y, series.axis, true);
      if (!Number.isFinite(height)) return;
      this.context.beginPath();
      this.context.arc(x, height, this.px(4), 0, 2 * Math.PI);
      this.context.fillStyle = this.theme.series[series.colour] ?? this.theme.text;
      this.context.fill();
      this.context.lineWidth = this.px(2);
      this.context.strokeStyle = this.theme.surface;
      this.context.stroke();
    });
  }

  private markLabels(): void {
    const { top, left, width } = this.plot.bbox;
    const taken: number[] = Array.from({ length: LABEL_ROWS }, () => -Infinity);
    const labelled = this.spec.marks.filter((mark) => mark.kind !== "held" && mark.label !== "");
    // The chosen place has its label before all others; they follow from left to right.
    const inOrder = labelled.sort((a, b) => Number(b.kind === "chosen") - Number(a.kind === "chosen") || a.x - b.x);
    let chosen: [number, number] | undefined;
    for (const mark of inOrder) {
      const x = this.plot.valToPos(mark.x, "x", true);
      if (!(x >= left - 1 && x <= left + width + 1)) continue;
      this.context.font = this.font();
      const wide = this.context.measureText(mark.label).width;
      const fitsRight = x + this.px(GAP_PX) + wide <= left + width;
      const from = fitsRight ? x + this.px(GAP_PX) : Math.max(left, x - this.px(GAP_PX) - wide);
      const isFree = (row: number) =>
        from > (taken[row] ?? 0) && !(row === 0 && chosen !== undefined && from < chosen[1] && from + wide > chosen[0]);
      const row = mark.kind === "chosen" ? 0 : taken.findIndex((_, at) => isFree(at));
      if (row < 0) continue;
      const end = from + wide + this.px(2 * GAP_PX);
      if (mark.kind === "chosen") chosen = [from - this.px(2 * GAP_PX), end];
      else taken[row] = end;
      const base = top + this.px(LABEL_PX + row * (LABEL_PX + GAP_PX));
      this.label(mark.label, from, base, "left", mark.kind === "chosen" ? this.theme.accent : this.theme.muted);
    }
  }

  private label(text: string, x: number, base: number, align: CanvasTextAlign, colour: string): void {
    const { context } = this;
    context.save();
    context.font = this.font();
    context.textAlign = align;
    context.textBaseline = "alphabetic";
    // A rim in the colour of the ground keeps it legible over lines.
    context.lineJoin = "round";
    context.lineWidth = this.px(3);
    context.strokeStyle = this.theme.surface;
    context.strokeText(text, x, base);
    context.fillStyle = colour;
    context.fillText(text, x, base);
    context.restore();
  }

  private stroke(colour: string, from: [number, number], to: [number, number]): void {
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(...to);
    this.context.lineWidth = this.px(1);
    this.context.strokeStyle = colour;
    this.context.stroke();
  }

  private clipped(draw: () => void): void {
    const { left, top, width, height } = this.plot.bbox;
    this.context.save();
    this.context.beginPath();
    this.context.rect(left, top, width, height);
    this.context.clip();
    draw();
    this.context.restore();
  }

  /** Where a value of the left axis stands; what has no place on a logarithmic axis stands at its foot. */
  private heightOf(value: number): number {
    const y = this.plot.valToPos(value, "y", true);
    return Number.isFinite(y) ? y : this.plot.bbox.top + this.plot.bbox.height;
  }

  private font(): string {
    return `${this.px(LABEL_PX)}px ${this.theme.font}`;
  }

  private px(css: number): number {
    return css * this.ratio;
  }
}
