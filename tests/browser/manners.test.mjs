import assert from "node:assert/strict";
import { test } from "node:test";

import { accessible, fits, focused, tabTo } from "./equipment/accessibility.mjs";
import { stage } from "./equipment/browser.mjs";
import { web } from "./equipment/command.mjs";
import { editor } from "./equipment/editor.mjs";
import { decision, eventually, go, ready, shows } from "./equipment/parts.mjs";
import { TEAM } from "./equipment/policies.mjs";
import { RECORDED } from "./equipment/runs.mjs";
import { SCENES, fill } from "./equipment/scenes.mjs";

const { open, served } = stage(() => web("--record", RECORDED));

for (const scene of SCENES) {
  test(`axe finds nothing serious, light and dark, and nothing scrolls sideways from 360 px to 3840: ${scene}`, async () => {
    const { page } = await open("#/policy", { colorScheme: "light", reducedMotion: "reduce", viewport: { width: 360, height: 740 } });
    await fill(page, scene);
    await fits(page, `${scene} at 360 px`);
    await page.setViewportSize({ width: 1280, height: 720 });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await accessible(page, `${scene}, ${colorScheme}`);
    }
    await page.setViewportSize({ width: 3840, height: 2160 });
    await fits(page, `${scene} at 3840 px`);
  });
}

test("a name that is too long for its place is cut, not the page", async (t) => {
  const long = `${"very-long-".repeat(12)}environment`;
  const text = TEAM.replaceAll("production", long).replace("20 ", "20000 ");
  const { page } = await served(t, text, "#/policy", { viewport: { width: 360, height: 740 } }, `${"a-long-name-".repeat(15)}.yaml`);
  for (const view of ["Policy", "Environments", "Explore", "Timeline", "Runs"]) {
    await go(page, view);
    await fits(page, view);
  }
});

test("the whole page by keyboard", async () => {
  const { page } = await open("#/policy");
  await editor(page).waitFor();
  await page.keyboard.press("Tab");
  assert.match(await focused(page), /Skip to the content/);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  assert.match(page.url(), /#\/policy/, "the view stays");

  // From the content into the editor, and on out of it by Tab alone.
  await tabTo(page, /^textbox The policy file/);
  await page.keyboard.press("Tab");
  assert.doesNotMatch(await focused(page), /^textbox The policy file|^nothing/);

  await page.locator(".skip").focus();
  await tabTo(page, /^a Explore/);
  await page.keyboard.press("Enter");
  await shows(page, "Explore");
  await decision(page, "executors").waitFor();

  // To a number's account and back to where one was.
  const why = page.locator("[data-decision=executors]").getByRole("button", { name: /^Why/ });
  await why.focus();
  await page.keyboard.press("Enter");
  await eventually(() => focused(page), await page.locator("#why").evaluate((it) => `aside ${it.getAttribute("aria-label")}`), "the account has the focus");
  await page.keyboard.press("Tab");
  assert.match(await focused(page), /Close the account/);
  await page.keyboard.press("Escape");
  await page.locator("#why").waitFor({ state: "detached" });
  assert.ok(await why.evaluate((it) => it === document.activeElement), "the focus is back at the number");
});

test("everything that takes the focus shows it", async () => {
  const { page } = await open("#/explore");
  await decision(page, "executors").waitFor();
  await page.keyboard.press("Tab");
  const unseen = [];
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press("Tab");
    const style = await page.evaluate(() => {
      let at = document.activeElement;
      while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
      return outlineStyle !== "none" && outlineWidth !== "0px" ? "outline" : boxShadow;
    });
    if (style === "none") unseen.push(await focused(page));
  }
  assert.deepEqual(unseen, []);
});

test("colours follow the system, and the user's word stands above it and stays", async () => {
  const { page } = await open("#/policy", { colorScheme: "dark" });
  await ready(page);
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  await page.emulateMedia({ colorScheme: "light" });
  const light = await ground();
  assert.notEqual(dark, light);
  await page.getByRole("button", { name: /^Colours: system/ }).click();
  await page.getByRole("button", { name: /^Colours: light/ }).click();
  await eventually(ground, dark, "dark by choice");
  await page.reload();
  await ready(page);
  assert.equal(await ground(), dark);
});

test("the page says what it needs where a browser is too old", async () => {
  const { page, watched } = await open("about:blank");
  watched.expect(/preload/);
  await page.addInitScript(() => delete globalThis.CompressionStream);
  await page.goto(watched.origin);
  const alert = page.getByRole("alert");
  await alert.getByText(/this browser lacks compression streams/).waitFor();
  await alert.getByRole("button", { name: "Load again" }).waitFor();
});

test("where nothing may be kept the page works all the same", async () => {
  const { page, watched } = await open("about:blank");
  await page.addInitScript(() => {
    Object.defineProperty(globalThis, "localStorage", {
      get() {
        throw new DOMException("no storage here", "SecurityError");
      },
    });
  });
  await page.goto(`${watched.origin}/#/explore`);
  await decision(page, "executors").waitFor();
});
