// The parts of the page, found as people and screen readers find them: by role, name and label.
import assert from "node:assert/strict";

/** Once policy.wasm is loaded; its SHA-256 as the page shows it. */
export async function ready(page) {
  return page.locator("[data-sha256]").getAttribute("data-sha256");
}

/** The views, as the navigation names them. */
export const VIEWS = ["Policy", "Environments", "Explore", "Timeline", "Runs"];

/** Goes to a view by its link. */
export async function go(page, title) {
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: title, exact: true }).click();
  await shows(page, title);
}

/** Once a view is shown. */
export async function shows(page, title) {
  await page.locator(`nav a[aria-current=page]:text-is("${title}")`).waitFor();
}

/** Something that the page tells, once it does. */
export async function told(page, words) {
  const notice = page.locator(".notices").getByText(words);
  await notice.waitFor();
  return notice.innerText();
}

/** What is on the clipboard. */
export function clipboard(page) {
  return page.evaluate(() => navigator.clipboard.readText());
}

/** Presses a button, and gives what it copied once the page says so. */
export async function copied(page, button, words) {
  await page.evaluate(() => navigator.clipboard.writeText("nothing was copied"));
  await button.click();
  await told(page, words);
  return clipboard(page);
}

/** The launch plan as the page copies it. */
export function planJson(page) {
  return copied(page, page.getByRole("button", { name: "Copy as JSON" }), "the plan is copied as JSON");
}

/** The figure of a decision. */
export function decision(page, name) {
  return page.locator(`[data-decision=${name}] .value strong`);
}

/** Waits until `look` gives what is wanted; the page changes by itself, and is asked again and again. */
export async function eventually(look, wanted, what) {
  const until = Date.now() + 10_000;
  for (;;) {
    const found = await look();
    if (JSON.stringify(found) === JSON.stringify(wanted)) return;
    if (Date.now() > until) assert.deepEqual(found, wanted, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
