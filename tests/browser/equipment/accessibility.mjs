// axe-core in the page, and how things are laid out.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails where axe finds anything serious. */
export async function accessible(page, where) {
  // By the debugger, which the page's policy does not hinder.
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations
      .filter((it) => it.impact === "serious" || it.impact === "critical")
      .map((it) => `${it.id}: ${it.help}\n${it.nodes.map((node) => `    ${node.target.join(" ")}: ${node.failureSummary}`).join("\n")}`);
  });
  assert.deepEqual(violations, [], where);
}

/** Fails where the page is wider than its window, and names what is. */
export async function fits(page, where) {
  const found = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.querySelectorAll("body *")].filter((it) => it.getBoundingClientRect().right > clientWidth + 0.5);
    const names = wide.slice(0, 8).map((it) => `${it.tagName.toLowerCase()}.${it.className} to ${it.getBoundingClientRect().right}`);
    return [`${scrollWidth} px in a window of ${clientWidth} px`, ...names];
  });
  assert.deepEqual(found, [], where);
}

/** What has the focus, by role and name as far as they can be read. */
export async function focused(page) {
  return page.evaluate(() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    if (at === null || at === document.body) return "nothing";
    const label = at.getAttribute("aria-label") ?? (at.labels?.[0]?.innerText || at.innerText || at.value || at.id);
    return `${at.getAttribute("role") ?? at.tagName.toLowerCase()} ${label.trim().split("\n")[0]}`;
  });
}

/** Presses Tab until what has the focus matches; fails after so many steps that there is nothing left to come. */
export async function tabTo(page, pattern) {
  const passed = [];
  while (passed.length < 400) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (pattern.test(now)) return;
    passed.push(now);
  }
  assert.fail(`Tab never comes to ${pattern}: ${[...new Set(passed)].join(", ")}`);
}
