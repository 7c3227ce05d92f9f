// What the page can look like: each view, and what opens in it. For pictures, and for tests that hold everywhere.
import { caretAt, editor, replace } from "./editor.mjs";
import { decision, go, ready } from "./parts.mjs";
import { DEFAULT } from "./policies.mjs";
import { saveButton, shown, withPickers } from "./saving.mjs";

const fillers = {
  async policy(page) {
    await editor(page).waitFor();
  },
  async problems(page) {
    await editor(page).waitFor();
    await caretAt(page, 32);
    await page.keyboard.press("Enter");
    await page.keyboard.type("max_executor: 9");
    await page.locator(".problems li").first().waitFor();
  },
  async saving(page) {
    await editor(page).waitFor();
    await withPickers(page, "config.yaml", DEFAULT.replaceAll("max_executors: ", "max_executors: 1").replace(/^default_environment.*\n/m, ""));
    await replace(page, `${DEFAULT}\n# ${"A line that is longer than any screen is wide. ".repeat(8)}`);
    await saveButton(page).click();
    await shown(page).waitFor();
  },
  async environments(page) {
    await go(page, "Environments");
    await page.getByRole("table").first().waitFor();
  },
  async explore(page) {
    await go(page, "Explore");
    await page.getByLabel("Environment", { exact: true }).selectOption("production");
    await decision(page, "executors").waitFor();
    await drawn(page);
  },
  async account(page) {
    await fillers.explore(page);
    await page.locator("[data-decision=executors]").getByRole("button", { name: /^Why/ }).click();
    await page.locator("#why .rule").waitFor();
  },
  async timeline(page) {
    await go(page, "Timeline");
    await drawn(page);
  },
  async runs(page) {
    await go(page, "Runs");
    await page.getByRole("main").getByRole("heading").first().waitFor();
  },
  async run(page) {
    await fillers.runs(page);
    await page.getByRole("row", { name: /sleepers/ }).getByRole("button", { name: /^Open/ }).click();
    await page.locator("article.run").waitFor();
    await drawn(page);
  },
};

/** Every scene by name. */
export const SCENES = Object.keys(fillers);

/** Brings a page that is open at the policy into a scene. */
export async function fill(page, scene) {
  await ready(page);
  await fillers[scene](page);
}

/** Once every chart in sight has been drawn. */
async function drawn(page) {
  await page.locator("figure.chart canvas").first().waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll(".chart-host")].every((host) => host.shadowRoot?.querySelector("canvas, .empty")));
}
