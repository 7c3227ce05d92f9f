// A chart as a picture: what the canvas shows, with title and legend, on an opaque ground.

import type { ChartSpec } from "./spec";
import type { Theme } from "./theme";

const MARGIN = 16;
const TITLE_PX = 16;
const LEGEND_PX = 13;
const SWATCH = 22;

/** Draws the picture. `ratio` is how many pixels of the canvas make one of CSS. */
export async function picture(
  plotted: HTMLCanvasElement,
  spec: ChartSpec,
  theme: Theme,
  ratio: number,
  isHidden: (label: string) => boolean,
): Promise<Blob> {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("the browser gives no canvas to draw the picture on");
  const width = plotted.width / ratio;
  const titleFont = `600 ${TITLE_PX}px ${theme.font}`;
  const legendFont = `${LEGEND_PX}px ${theme.font}`;
  context.font = titleFont;
  const title = wrapped(context, spec.title, width);
  context.font = legendFont;
  const shown = spec.series.filter((series) => !isHidden(series.label));
  const legend = rows(shown.map((series) => SWATCH + 6 + context.measureText(series.label).width + 16), width);
  const titleHeight = title.length * TITLE_PX * 1.4;
  const legendHeight = legend.length * LEGEND_PX * 1.7;
  // Setting the size clears the context's state, so all of it is set after this.
  canvas.width = Math.ceil((width + 2 * MARGIN) * ratio);
  canvas.height = Math.ceil(plotted.height + (2 * MARGIN + titleHeight + legendHeight) * ratio);
  context.fillStyle = theme.surface;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(plotted, MARGIN * ratio, (MARGIN + titleHeight) * ratio);
  context.scale(ratio, ratio);
  context.textBaseline = "middle";
  context.font = titleFont;
  context.fillStyle = theme.text;
  title.forEach((line, at) => context.fillText(line, MARGIN, MARGIN + (at + 0.5) * TITLE_PX * 1.4));
  context.font = legendFont;
  const legendTop = MARGIN + titleHeight + plotted.height / ratio;
  legend.forEach((places, row) => {
    const y = legendTop + (row + 0.6) * LEGEND_PX * 1.7;
    for (const [index, left] of places) {
      const series = shown[index];
      if (series === undefined) continue;
      context.beginPath();
      context.setLineDash(series.dash ? [6, 4] : []);
      context.lineWidth = 3;
      context.strokeStyle = theme.series[series.colour] ?? theme.text;
      context.moveTo(MARGIN + left, y);
      context.lineTo(MARGIN + left + SWATCH, y);
      context.stroke();
      context.fillText(series.label, MARGIN + left + SWATCH + 6, y);
    }
  });
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob === null ? reject(new Error("the browser made no picture")) : resolve(blob)), "image/png"),
  );
}

function wrapped(context: CanvasRenderingContext2D, text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((it) => it !== "")) {
    const last = lines.at(-1);
    const longer = `${last} ${word}`;
    if (last !== undefined && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Entries of these widths in rows: in each row the index and the left end of each. */
function rows(widths: number[], width: number): [number, number][][] {
  const rows: [number, number][][] = [];
  let left = Infinity;
  widths.forEach((wide, at) => {
    if (left + wide > width + 16) {
      rows.push([]);
      left = 0;
    }
    rows.at(-1)?.push([at, left]);
    left += wide;
  });
  return rows;
}
