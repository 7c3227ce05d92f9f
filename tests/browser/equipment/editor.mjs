// The editor, used by keyboard: it shows only the lines in sight, so its text is had as people have it, by copying all.
import { clipboard } from "./parts.mjs";

/** The editor, once it has loaded. */
export function editor(page) {
  return page.getByRole("textbox", { name: "The policy file, YAML" });
}

/** Its whole text. The caret is at the beginning afterwards. */
export async function text(page) {
  await page.evaluate(() => navigator.clipboard.writeText(""));
  await editor(page).focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Control+c");
  const all = await clipboard(page);
  await page.keyboard.press("Control+Home");
  return all;
}

/** Puts another text in its place, as pasting does. */
export async function replace(page, all) {
  await editor(page).focus();
  await page.keyboard.press("Control+a");
  await page.evaluate((it) => navigator.clipboard.writeText(it), all);
  await page.keyboard.press("Control+v");
}

/** Puts the caret at the end of a line, from 1. */
export async function caretAt(page, line) {
  await editor(page).focus();
  await page.keyboard.press("Control+Home");
  for (let at = 1; at < line; at += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("End");
}

/** The line that has the caret, from 1. */
export async function caretLine(page) {
  return Number(await page.locator(".cm-activeLineGutter.cm-gutterElement").first().innerText());
}

/** The marked places: the text under each mark, with the line that it is in. */
export async function marks(page, severity = "error") {
  return page.locator(`.cm-line .cm-lintRange-${severity}`).evaluateAll((found) =>
    found.map((mark) => ({ text: mark.textContent, line: mark.closest(".cm-line").textContent.trim() })),
  );
}

/** Once the browser keeps this text for the next visit. */
export async function kept(page, all) {
  await page.waitForFunction((it) => {
    const names = Object.keys(localStorage).filter((name) => name.startsWith("sparkwright.draft."));
    return names.some((name) => JSON.parse(localStorage.getItem(name)).text === it);
  }, all);
}
