// A chart that can be used at once and shows itself when the code that draws has come.

import { messageOf, type Chart } from "../shell";
import type { PlottedChart } from "./chart";

let loading: Promise<typeof import("./chart")> | undefined;

/** Fetches the code that draws. */
export function prefetchCharts(): Promise<typeof import("./chart")> {
  loading ??= import("./chart").catch((error: unknown) => {
    // The next chart tries again.
    loading = undefined;
    throw error;
  });
  return loading;
}

/** The chart that the page is given. */
export class DeferredChart implements Chart {
  onPick?: (index: number) => void;
  private chart: PlottedChart | undefined;
  private spec: string | undefined;
  private isDestroyed = false;
  private readonly ready: Promise<PlottedChart>;

  constructor(host: HTMLElement, onFault: (message: string) => void) {
    this.ready = prefetchCharts().then(({ PlottedChart }) => {
      if (this.isDestroyed) throw new Error("the chart is gone");
      const chart = new PlottedChart(host, (index) => this.onPick?.(index));
      this.chart = chart;
      if (this.spec !== undefined) chart.draw(this.spec);
      return chart;
    });
    this.ready.catch((error: unknown) => {
      if (!this.isDestroyed) onFault(`the chart could not be shown: ${messageOf(error)}`);
    });
  }

  draw(spec: string): void {
    this.spec = spec;
    this.chart?.draw(spec);
  }

  async png(): Promise<Blob> {
    return (await this.ready).png();
  }

  destroy(): void {
    this.isDestroyed = true;
    this.chart?.destroy();
    this.chart = undefined;
  }
}
