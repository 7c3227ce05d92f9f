import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";

import { stage } from "./equipment/browser.mjs";
import { policyFile, webFor } from "./equipment/command.mjs";
import { editor, kept, replace, text } from "./equipment/editor.mjs";
import { copied, decision, eventually, go, planJson, ready, shows, told } from "./equipment/parts.mjs";
import { pageFolder } from "./equipment/places.mjs";
import { DEFAULT, TEAM } from "./equipment/policies.mjs";
import { site } from "./equipment/site.mjs";

const { open } = stage(() => site({ "/": pageFolder }));

const copyLink = (page) => copied(page, page.getByRole("button", { name: "Copy link" }), /the link is copied/);

/** A text as links hold it, made without the page. */
const packed = async (contents) => (await promisify(deflateRaw)(contents)).toString("base64url");

test("a link opened somewhere else shows the same policy, view, job and plan", async () => {
  const { page } = await open("#/policy");
  await editor(page).waitFor();
  await replace(page, TEAM);
  await go(page, "Explore");
  await page.getByLabel("Input size").fill("3TB");
  await page.getByLabel("Input size").press("Enter");
  await page.getByLabel("Workload").selectOption("ml");
  await page.getByLabel("Environment", { exact: true }).selectOption("development");
  const plan = await planJson(page);
  const link = await copyLink(page);

  const { page: fresh } = await open(link);
  await shows(fresh, "Explore");
  await decision(fresh, "executors").waitFor();
  assert.equal(await fresh.getByLabel("Environment", { exact: true }).inputValue(), "development");
  assert.equal(await fresh.getByLabel("Input size").inputValue(), "3TB");
  assert.equal(await fresh.getByLabel("Workload").inputValue(), "ml");
  await eventually(() => planJson(fresh), plan, "the same plan");
  await go(fresh, "Policy");
  assert.equal(await text(fresh), TEAM);
});

test("what a link holds is sent nowhere", async () => {
  const { page } = await open("#/policy");
  await editor(page).waitFor();
  const link = await copyLink(page);
  assert.match(link, /#\/policy\?.*policy=/);
  const { page: fresh, watched } = await open(link);
  await ready(fresh);
  assert.ok(watched.requests.length > 3);
  assert.ok(watched.requests.every((address) => !address.includes("policy=") || address === link), "only in the fragment");
});

test("a link made without the page opens, whatever letters it holds", async () => {
  const odd = `# ${"größe 大 🚀 \u202e <script>alert(1)</script>"}\n${TEAM}`;
  const name = encodeURIComponent('<img src=x onerror="alert(1)">.yaml');
  const { page } = await open(`#/policy?v=1&name=${name}&policy=${await packed(odd)}`);
  let dialogs = 0;
  page.on("dialog", () => (dialogs += 1));
  await eventually(() => text(page), odd, "the text to the last letter");
  assert.equal(await page.locator(".file-name").innerText(), '<img src=x onerror="alert(1)">.yaml');
  assert.equal(dialogs, 0);
});

const whole = await packed(TEAM);
for (const [what, fragment, words] of [
  ["cut", `#/policy?v=1&policy=${whole.slice(0, whole.length - 40)}`, /cut off or damaged/],
  ["cut at its first letter", `#/policy?v=1&policy=${whole.slice(0, 1)}`, /cut off/],
  ["empty", "#/policy?v=1&policy=", /holds nothing/],
  ["mangled by a chat program", `#/policy?v=1&policy=${whole.slice(0, 30)}…`, /damaged/],
  ["no text", `#/policy?v=1&policy=${await packed(Buffer.from([0xff, 0xfe]))}`, /damaged/],
  ["a flood once unpacked", `#/policy?v=1&policy=${await packed(Buffer.alloc(64 * 1024 * 1024))}`, /more than \d+ bytes/],
  ["of a newer version", `#/policy?v=99&policy=${whole}`, /newer version of Sparkwright/],
  ["of a version that is none", `#/policy?v=next&policy=${whole}`, /newer version of Sparkwright/],
]) {
  test(`a link that is ${what} is told in plain words and changes nothing`, async () => {
    const { page } = await open(fragment);
    await told(page, words);
    assert.equal(await text(page), DEFAULT);
    await go(page, "Explore");
    await decision(page, "executors").waitFor();
  });
}

test("a link whose policy has errors shows them", async () => {
  const { page } = await open(`#/explore?policy=${await packed("environments: [1")}`);
  await page.getByText(/has errors, so nothing is decided/).waitFor();
  await go(page, "Policy");
  await page.getByText(/^[1-9]\d* errors? ·/).waitFor();
});

test("addresses that are none lead to the first view", async () => {
  const { page } = await open("#/nowhere/at?all=%ZZ&&&=%00");
  await shows(page, "Policy");
  await eventually(() => text(page), DEFAULT, "the default policy");
});

test("the user's own text is not lost to a link, whatever view it opens", async () => {
  const { page, watched } = await open("#/policy");
  await editor(page).waitFor();
  const own = DEFAULT.replace("max_executors: 20", "max_executors: 19");
  await replace(page, own);
  await kept(page, own);
  const other = await watched.page();
  await other.goto(`/#/explore?v=1&name=other.yaml&policy=${whole}`);
  await told(other, /a text of your own stays in the list/);
  await kept(other, TEAM);
  const mine = other.getByLabel("Examples").getByRole("option", { name: /^config\.yaml, not saved, in another tab/ });
  await other.getByLabel("Examples").selectOption(await mine.getAttribute("value"));
  await go(other, "Policy");
  await eventually(() => text(other), own, "the text of before");
});

test("a link to a served page leaves the served file as it is", async (t) => {
  const path = await policyFile(t, DEFAULT);
  const server = await webFor(t, path);
  const { page } = await open(`#/policy?v=1&name=shared.yaml&policy=${whole}`, { url: server.url });
  await eventually(() => text(page), TEAM, "the link's policy");
  assert.equal(await readFile(path, "utf8"), DEFAULT);
});
