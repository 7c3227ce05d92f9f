// The elements of a chart: title, plot, legend, and the line that is read out.

import uplotStyle from "uplot/dist/uPlot.min.css";

import type { ChartSpec } from "./spec";
import ownStyle from "./chart.css";
import type { Theme } from "./theme";

let sheet: CSSStyleSheet | undefined;

function style(): CSSStyleSheet {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(uplotStyle + ownStyle);
  }
  return sheet;
}

function element<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

/** The elements of one chart, in the open shadow root of its host. */
export class Frame {
  private readonly root: ShadowRoot;
  private readonly title = element("p", "title");
  /** What holds the canvas, has the focus and is named to screen readers. */
  readonly plot = element("div", "plot");
  /** Where colours are read. */
  readonly probe = element("span", "probe");
  private readonly empty = element("p", "empty");
  private readonly legend = element("div", "legend");
  private readonly place = element("span", "place");
  private readonly live = element("p", "live");
  private readonly swatches: HTMLElement[] = [];
  private readonly values: HTMLElement[] = [];

  constructor(host: HTMLElement) {
    this.root = host.shadowRoot ?? host.attachShadow({ mode: "open", delegatesFocus: true });
    this.root.adoptedStyleSheets = [style()];
    const frame = element("div", "frame");
    const hint = element("p", "live");
    hint.id = "keys";
    hint.textContent = "Left and right arrow keys read the values, Home and End go to the ends, Enter picks.";
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "img");
    this.plot.setAttribute("aria-roledescription", "chart");
    this.plot.setAttribute("aria-describedby", hint.id);
    this.legend.setAttribute("role", "group");
    this.legend.setAttribute("aria-label", "Lines of the chart");
    this.live.setAttribute("aria-live", "polite");
    this.empty.textContent = "Nothing to show";
    frame.append(this.title, this.plot, this.legend, this.live, hint, this.probe);
    this.root.replaceChildren(frame);
  }

  /** Titles, and a button for each line that `toggle` is told of. */
  show(spec: ChartSpec, isHidden: (label: string) => boolean, toggle: (index: number) => void): void {
    this.title.textContent = spec.title;
    this.title.hidden = spec.title === "";
    this.plot.setAttribute("aria-label", [spec.title, spec.description].filter((it) => it !== "").join(". "));
    // A button that has the focus stays where the lines are still the same.
    const labels = spec.series.map((it) => it.label);
    const present = this.values.map((it) => it.parentElement?.dataset["label"]);
    if (labels.length !== present.length || labels.some((label, at) => label !== present[at])) this.buttons(labels, toggle);
    spec.series.forEach((series, at) => {
      this.swatches[at]?.classList.toggle("dash", series.dash);
      this.values[at]?.parentElement?.setAttribute("aria-pressed", String(!isHidden(series.label)));
    });
  }

  private buttons(labels: string[], toggle: (index: number) => void): void {
    this.swatches.length = 0;
    this.values.length = 0;
    const buttons = labels.map((label, at) => {
      const button = element("button", "line");
      button.type = "button";
      button.dataset["label"] = label;
      const swatch = element("span", "swatch");
      const value = element("span", "value");
      const name = element("span", "name");
      name.textContent = label;
      button.append(swatch, name, value);
      button.addEventListener("click", () => toggle(at));
      this.swatches.push(swatch);
      this.values.push(value);
      return button;
    });
    this.legend.replaceChildren(...buttons, this.place);
  }

  /** Colours of the legend. */
  paint(spec: ChartSpec, theme: Theme): void {
    spec.series.forEach((series, at) => {
      const swatch = this.swatches[at];
      if (swatch !== undefined) swatch.style.borderColor = theme.series[series.colour] ?? theme.text;
    });
  }

  /** The values at the cursor, beside the names; empty texts where there is no cursor. */
  readOut(place: string, values: string[]): void {
    this.place.textContent = place;
    this.values.forEach((it, at) => (it.textContent = values[at] ?? ""));
  }

  /** Says a line to screen readers. */
  say(text: string): void {
    this.live.textContent = text;
  }

  /** Shows, in place of the plot, that there is nothing to draw. */
  showEmpty(isEmpty: boolean): void {
    if (isEmpty) this.plot.append(this.empty);
    else this.empty.remove();
  }

  /** Leaves the host as it was, but for an empty shadow root: that can't be taken off. */
  remove(): void {
    this.root.replaceChildren(document.createElement("slot"));
  }
}
