// Colours and fonts for what is drawn on a canvas, which knows nothing of CSS.

/** What a chart is drawn with. */
export interface Theme {
  text: string;
  muted: string;
  line: string;
  surface: string;
  accent: string;
  series: string[];
  font: string;
}

/** For a page without its style sheet. */
const FALLBACK: Record<string, string> = {
  "--text": "#1b1f24",
  "--muted": "#57606a",
  "--line": "#d0d7de",
  "--surface": "#ffffff",
  "--accent": "#0550ae",
  "--series-0": "#0550ae",
  "--series-1": "#b35900",
  "--series-2": "#1a7f37",
  "--series-3": "#a40e26",
  "--series-4": "#6639ba",
  "--series-5": "#7d4e00",
  "--series-6": "#1b7c83",
  "--series-7": "#57606a",
};

/** The theme as it holds where `probe` stands. The probe's colour is changed. */
export function readTheme(probe: HTMLElement): Theme {
  const colour = (name: string): string => {
    const computed = getComputedStyle(probe);
    const given = computed.getPropertyValue(name).trim();
    if (given === "") return FALLBACK[name] ?? "#57606a";
    // The colour of an element is what `light-dark()`, `color-mix()` and the like come to; a custom property stays as it is written.
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color || given;
  };
  return {
    text: colour("--text"),
    muted: colour("--muted"),
    line: colour("--line"),
    surface: colour("--surface"),
    accent: colour("--accent"),
    series: Array.from({ length: 8 }, (_, at) => colour(`--series-${at}`)),
    font: getComputedStyle(probe).fontFamily || "sans-serif",
  };
}

/** Calls back when the page turns light or dark; the answer ends that. */
export function watchTheme(changed: () => void): () => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const contrast = matchMedia("(prefers-contrast: more)");
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  dark.addEventListener("change", changed);
  contrast.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    dark.removeEventListener("change", changed);
    contrast.removeEventListener("change", changed);
  };
}
