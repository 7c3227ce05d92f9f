// A page without a browser, as far as happy-dom goes: it lays nothing out and draws nothing.

import { GlobalWindow } from "happy-dom";

const NAMES = [
  "document", "HTMLElement", "Element", "Node", "Range", "Document", "ShadowRoot", "Event", "KeyboardEvent", "MouseEvent", "CustomEvent",
  "MutationObserver", "ResizeObserver", "CSSStyleSheet", "DOMRect", "File", "getComputedStyle", "matchMedia", "requestAnimationFrame",
  "cancelAnimationFrame", "getSelection", "location", "addEventListener", "removeEventListener", "dispatchEvent", "innerWidth",
  "innerHeight", "devicePixelRatio", "HTMLCanvasElement", "DragEvent", "DOMException", "Text",
];

const window = new GlobalWindow({ url: "http://127.0.0.1:8080/", width: 1280, height: 800 });
const there = window as unknown as Record<string, unknown>;
for (const name of NAMES) {
  const value = there[name];
  const isFunction = typeof value === "function" && !/^[A-Z]/.test(name);
  Object.defineProperty(globalThis, name, { value: isFunction ? value.bind(window) : value, configurable: true, writable: true });
}
Object.defineProperty(globalThis, "window", { value: window, configurable: true });
Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });

/** Every call on any canvas, by name, with what was given. */
export const drawn: [string, unknown[]][] = [];

/** A canvas context that only takes notes. */
function notes(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return new Proxy({ canvas } as unknown as CanvasRenderingContext2D, {
    get(target, name) {
      if (name in target) return Reflect.get(target, name) as unknown;
      if (name === "measureText") return (text: string) => ({ width: text.length * 7 });
      return (...given: unknown[]) => void drawn.push([String(name), given]);
    },
  });
}
const contexts = new WeakMap<HTMLCanvasElement, CanvasRenderingContext2D>();
HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement) {
  const context = contexts.get(this) ?? notes(this);
  contexts.set(this, context);
  return context;
} as never;
HTMLCanvasElement.prototype.toBlob = function (callback: BlobCallback) {
  callback(new Blob(["picture"], { type: "image/png" }));
};
class Path {
  moveTo() {}
  lineTo() {}
  arc() {}
  rect() {}
  closePath() {}
  addPath() {}
  bezierCurveTo() {}
}
Object.defineProperty(globalThis, "Path2D", { value: Path, configurable: true });
Object.defineProperty(window, "Path2D", { value: Path, configurable: true });

/** Gives everything a size, which nothing has without a layout. */
export function giveSizes(width: number, height: number): void {
  Object.defineProperty(HTMLElement.prototype, "clientWidth", { get: () => width, configurable: true });
  Object.defineProperty(HTMLElement.prototype, "clientHeight", { get: () => height, configurable: true });
}

/** An element on the page. */
export function host(): HTMLElement {
  const made = document.createElement("div");
  document.body.append(made);
  return made;
}

/** After what is under way. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
