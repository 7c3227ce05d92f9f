// What a chart shows. `web/src/chart.rs` writes it.

/** What the numbers of an axis count. */
export type Unit = "bytes" | "executors" | "ms" | "partitions" | "runs" | "money" | "none";

/** An axis. */
export interface Axis {
  label: string;
  unit: Unit;
  /** Whether its steps are even in the logarithm. */
  log: boolean;
}

/** A line. */
export interface Series {
  label: string;
  /** Which of `--series-0` to `--series-7` it has. */
  colour: number;
  dash: boolean;
  axis: "y" | "y2";
  values: (number | null)[];
}

/** A range that values may not leave; an end that is null is open. */
export interface Band {
  label: string;
  from: number | null;
  to: number | null;
}

/** A place on the x axis that is marked. */
export interface Mark {
  x: number;
  label: string;
  kind: "chosen" | "held" | "event";
}

/** A chart. */
export interface ChartSpec {
  kind: "line" | "step";
  title: string;
  /** What it shows, for those who don't see it. */
  description: string;
  x: Axis & { values: number[] };
  y: Axis;
  y2?: Axis | null;
  series: Series[];
  bands: Band[];
  marks: Mark[];
}

/** All that makes two charts the same but for their numbers: such a chart takes new data without being built again. */
export function shapeOf(spec: ChartSpec): string {
  const { kind, x, y, y2, series } = spec;
  const axes = [x, y, y2].map((axis) => axis && [axis.label, axis.unit, axis.log]);
  return JSON.stringify([kind, axes, series.map((it) => [it.label, it.colour, it.dash, it.axis]), isLogarithmic(x, x.values)]);
}

/** Whether an axis can be logarithmic, as it is asked to: nothing at or under 0 has a place on such an axis. */
export function isLogarithmic(axis: Axis, values: readonly (number | null)[]): boolean {
  return axis.log && values.every((value) => value === null || value > 0);
}
