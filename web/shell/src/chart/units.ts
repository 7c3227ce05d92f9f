// Numbers with their units, and where the ticks of an axis stand.

import type { Unit } from "./spec";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;

/** Steps that clocks have. Below and above them it goes by 1, 2 and 5. */
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((it) => it * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((it) => it * MINUTE),
  ...[1, 2, 3, 6, 12].map((it) => it * HOUR),
];
/** The ticks of a logarithmic axis of times. */
const TIME_DECADES = [1, 10, 100, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 10 * HOUR, 4 * DAY, 40 * DAY, 400 * DAY];

const grouped = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const smallMoney = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** A number as a tick has it: short, with its unit only where the unit varies with the size. */
export function short(value: number, unit: Unit): string {
  switch (unit) {
    case "bytes":
      return inBytes(value);
    case "ms":
      return inTime(value);
    case "money":
      return value !== 0 && Math.abs(value) < 0.01 ? smallMoney.format(value) : money.format(value);
    default:
      return grouped.format(value);
  }
}

/** A number as it is read out. */
export function full(value: number, unit: Unit): string {
  const text = short(value, unit);
  if (unit !== "executors" && unit !== "partitions") return text;
  return `${text} ${value === 1 ? unit.slice(0, -1) : unit}`;
}

function inBytes(value: number): string {
  const size = Math.abs(value);
  let power = 0;
  // 999.5 kB rounds to 1 MB, not to 1,000 kB.
  while (power < BYTE_UNITS.length - 1 && size >= 999.5 * 1000 ** power) power += 1;
  return `${Number((value / 1000 ** power).toPrecision(3))} ${BYTE_UNITS[power]}`;
}

function inTime(value: number): string {
  const size = Math.abs(value);
  const in_ = (unit: number, name: string) => `${Number((value / unit).toPrecision(3))} ${name}`;
  if (value === 0) return "0";
  if (size < SECOND) return in_(1, "ms");
  if (size < MINUTE) return in_(SECOND, "s");
  if (size < HOUR) return in_(MINUTE, "min");
  if (size < 4 * DAY) return in_(HOUR, "h");
  return in_(DAY, "d");
}

/** Where an axis from `min` to `max` has its ticks, at most about `most`. */
export function ticks(unit: Unit, isLog: boolean, min: number, max: number, most: number): number[] {
  if (!(max > min)) return [min];
  return isLog ? logarithmicTicks(unit, min, max, Math.max(2, most)) : evenTicks(unit, min, max, Math.max(2, most));
}

function logarithmicTicks(unit: Unit, min: number, max: number, most: number): number[] {
  const within = (it: number) => it >= min * (1 - 1e-9) && it <= max * (1 + 1e-9);
  const from = Math.floor(Math.log10(min));
  const decades = Array.from({ length: Math.ceil(Math.log10(max)) - from + 1 }, (_, at) => powerOfTen(from + at));
  if (unit === "ms") {
    const times = TIME_DECADES.filter(within);
    if (times.length > 2) return thinned(times, most);
  }
  const whole = decades.filter(within);
  if (whole.length > 3) return thinned(whole, most);
  const between = decades.flatMap((it) => [it, 2 * it, 5 * it]).filter(within);
  if (between.length > 1) return thinned(between, most);
  return evenTicks(unit, min, max, most);
}

/** A power of ten as it is written: `10 ** -2` is a little off. */
function powerOfTen(exponent: number): number {
  return Number(`1e${exponent}`);
}

/** Every second, third, … so that few enough are left. */
function thinned(values: number[], most: number): number[] {
  const stride = Math.ceil(values.length / most);
  return values.filter((_, at) => at % stride === 0);
}

function evenTicks(unit: Unit, min: number, max: number, most: number): number[] {
  const step = evenStep(unit, (max - min) / most);
  const first = Math.ceil(min / step - 1e-9);
  const count = Math.floor(max / step + 1e-9) - first + 1;
  // Multiplied, not added up, and cut to what is meant: 3 * 0.1 is not 0.3.
  return Array.from({ length: Math.max(0, count) }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

function evenStep(unit: Unit, least: number): number {
  if (unit === "ms" && least > SECOND / 2) {
    const step = TIME_STEPS.find((it) => it >= least);
    return step ?? DAY * oneTwoFive(least / DAY);
  }
  const step = oneTwoFive(least);
  // There is no half an executor.
  return unit === "executors" || unit === "partitions" || unit === "runs" || unit === "bytes" ? Math.max(1, step) : step;
}

function oneTwoFive(least: number): number {
  const decade = powerOfTen(Math.floor(Math.log10(least)));
  return decade * ([1, 2, 5].find((it) => it * decade >= least * (1 - 1e-9)) ?? 10);
}

/** From where to where an axis goes that shows these extremes. */
export function extent(isLog: boolean, min: number | null, max: number | null): [number, number] {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return isLog ? [1, 10] : [0, 1];
  if (isLog) {
    const [low, high] = [Math.max(min, Number.MIN_VALUE), Math.max(max, Number.MIN_VALUE)];
    return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
  }
  // Counts and times begin at 0, so that heights compare.
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  const room = (high - low || 1) * 0.08;
  return [low < 0 ? low - room : 0, high + room];
}
