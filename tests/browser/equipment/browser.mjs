// Chromium, and contexts of it that are watched: whoever uses the page must not find out later what went on beside it.
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";

import { chromium } from "playwright-core";

import { policyFile, webFor } from "./command.mjs";
import * as places from "./places.mjs";

/** Waiting longer than this for anything is a failure. */
const PATIENCE_MS = 15_000;

/** Nothing of its own on the network, so that what is seen there is the page's. */
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Chromium. */
export function launch() {
  // Root may not use the sandbox, and containers often run as root.
  const sandbox = process.getuid?.() !== 0;
  return chromium.launch({ executablePath: places.chromium, args: FLAGS, chromiumSandbox: sandbox });
}

/** A context, and what happened in it that nobody should have to see. */
export class Watched {
  /** Everything that was asked of anyone, as addresses. */
  requests = [];
  /** What went wrong, in words. */
  problems = [];
  #expected = [];

  /** A context in which `origin` is the only place that may be asked for anything. */
  static async begin(browser, origin, options = {}) {
    const context = await browser.newContext({ baseURL: origin, acceptDownloads: true, ...options });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(origin).origin });
    context.setDefaultTimeout(PATIENCE_MS);
    return new Watched(context, new URL(origin).origin);
  }

  constructor(context, origin) {
    this.context = context;
    this.origin = origin;
    context.on("request", (request) => {
      this.requests.push(request.url());
      if (!this.#isOwn(request.url())) this.problems.push(`asked for ${request.url()}`);
    });
    context.on("console", (message) => {
      // Chromium reports violations of the Content-Security-Policy here too.
      if (message.type() === "error" || message.type() === "warning") this.problems.push(`console: ${message.text()}`);
    });
    context.on("weberror", (error) => this.problems.push(`uncaught: ${error.error().stack ?? error.error()}`));
  }

  #isOwn(address) {
    const url = new URL(address);
    if (url.protocol === "blob:") return url.origin === this.origin;
    return url.origin === this.origin || url.protocol === "data:";
  }

  /** A page, with violations of its Content-Security-Policy kept. */
  async page() {
    const page = await this.context.newPage();
    await page.exposeBinding("sparkwrightTestViolation", (_, what) => this.problems.push(`policy violated: ${what}`));
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => {
        globalThis.sparkwrightTestViolation(`${event.violatedDirective} by ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber}`);
      });
    });
    return page;
  }

  /** Says that a problem like this is what the test is about. */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  /** Fails where anything happened that should not have. */
  check() {
    const unexpected = this.problems.filter((problem) => !this.#expected.some((pattern) => pattern.test(problem)));
    assert.deepEqual(unexpected, [], "what went on beside the test");
  }
}

/**
 * One browser for the tests of a file; each test gets contexts by `open`, which are looked through when it is over.
 * `serve` starts what is opened and gives `{ url, stop }`.
 */
export function stage(serve) {
  const stage = { browser: undefined, server: undefined, contexts: [] };
  before(async () => {
    [stage.browser, stage.server] = await Promise.all([launch(), serve()]);
  });
  after(async () => {
    await stage.browser?.close();
    await stage.server?.stop();
  });
  afterEach(async () => {
    const contexts = stage.contexts.splice(0);
    for (const watched of contexts) await watched.context.close();
    for (const watched of contexts) watched.check();
  });
  /** A page at a view (`#/explore`) or another address, in a context of its own. */
  stage.open = async (address = "#/policy", options = {}) => {
    const { url = stage.server.url, ...others } = options;
    const watched = await Watched.begin(stage.browser, url, others);
    stage.contexts.push(watched);
    const page = await watched.page();
    await page.goto(new URL(address, url).href);
    return { page, watched };
  };
  /** A page at a view of a policy file of this text, which a `sparkwright web` of its own has open. */
  stage.served = async (test, text, address = "#/policy", options = {}, name = "team.yaml") => {
    const path = await policyFile(test, text, name);
    const server = await webFor(test, path);
    const opened = await stage.open(address, { url: server.url, ...options });
    await opened.page.locator(".file-name").getByText(name).waitFor();
    return { ...opened, path, server };
  };
  return stage;
}
