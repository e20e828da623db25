// Somebody with a browser: goes to pages, fills in and presses what a person would, and notices on the way whatever no page may
// do: a script of somebody else's, a violation of the policy, an error in the console.
import assert from "node:assert/strict";
import { look } from "./look.mjs";

// What is slower than this does not work.
const PATIENCE = 30_000;

export class Visitor {
  // A new browser profile. `scripts: false`: without JavaScript.
  static async open(browser, { world, axe, findings }, { theme = "light", width = 1280, scripts = true, userAgent, url } = {}) {
    const context = await browser.newContext({
      baseURL: url ?? world.url,
      colorScheme: theme,
      viewport: { width, height: 900 },
      javaScriptEnabled: scripts,
      reducedMotion: "reduce",
      ...(userAgent ? { userAgent } : {}),
    });
    context.setDefaultTimeout(PATIENCE);
    await context.addInitScript(() => {
      window.violations = [];
      document.addEventListener("securitypolicyviolation", (event) => {
        window.violations.push(`${event.violatedDirective} by ${event.blockedURI || event.sample}`);
      });
    });
    const visitor = new Visitor();
    Object.assign(visitor, { context, world, axe, findings, theme, width, scripts, looked: 0, expected: null, canaries: new Set() });
    visitor.page = await context.newPage();
    visitor.#watch(visitor.page);
    return visitor;
  }

  #watch(page) {
    const found = (what) => this.findings.push(`${new URL(page.url() === "about:blank" ? this.world.url : page.url()).pathname}: ${what}`);
    page.on("pageerror", (error) => found(`a script failed: ${error.message}`));
    page.on("dialog", (dialog) => { found(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("console", (message) => {
      // A page that is a refusal is one on purpose, and Chromium says so in the console.
      const refusal = message.text().startsWith("Failed to load resource") && message.location().url === page.url();
      if (message.type() === "error" && !refusal) found(`the console says: ${message.text()}`);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.pathname === "/canary") found("the canary's picture is fetched");
      if (url.protocol.startsWith("http") && url.hostname !== new URL(this.world.url).hostname) found(`${url.host} is asked`);
    });
  }

  // Goes to a page, which has to answer like this.
  async goes(path, status = 200) {
    const response = await this.page.goto(path, { waitUntil: "load" });
    assert.equal(response.status(), status, `${path} answers ${response.status()}`);
  }

  async signsIn(email = this.world.email, password = this.world.password) {
    await this.goes("/sign-in");
    await this.fills("E-mail address", email);
    await this.fills("Password", password);
    await this.clicks("Sign in");
    await this.sees("Home");
  }

  // The page's heading says this.
  async sees(heading) {
    await this.page.getByRole("heading", { level: 1, name: heading }).waitFor();
  }

  // Somewhere in the page's content is this text.
  async reads(text) {
    await this.page.locator("main").getByText(text).filter({ visible: true }).first().waitFor();
  }

  async fills(label, text) {
    await this.page.getByLabel(label, { exact: true }).fill(text);
  }

  // Presses a button of the content, or follows a link of it, and waits for the page it leads to.
  async clicks(name) {
    const content = this.page.locator("main");
    const target = content.getByRole("button", { name, exact: true }).or(content.getByRole("link", { name, exact: true })).first();
    await Promise.all([this.page.waitForEvent("load"), target.click()]);
  }

  // With the keyboard alone, to what is called like this: as often as Tab takes, each stop to be seen.
  async tabsTo(name) {
    const passed = [];
    for (let stops = 0; stops < 80; stops += 1) {
      await this.page.keyboard.press("Tab");
      const stop = await this.page.evaluate(() => {
        const at = document.activeElement;
        if (!at || at === document.body) return null;
        const style = getComputedStyle(at);
        const box = at.getBoundingClientRect();
        const label = at.labels?.[0]?.innerText ?? at.getAttribute("aria-label") ?? at.innerText ?? "";
        return {
          name: label.trim().replace(/\s+/g, " "),
          ring: style.outlineStyle === "auto" || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
          inView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        };
      });
      if (!stop) continue;
      passed.push(stop.name);
      assert.ok(stop.ring, `one does not see that ${stop.name} has the focus`);
      assert.ok(stop.inView, `${stop.name} has the focus and is out of sight`);
      if (stop.name === name) return;
    }
    assert.fail(`the keyboard does not get to "${name}": ${passed.join(" / ")}`);
  }

  async types(text) {
    await this.page.keyboard.type(text);
  }

  async presses(key) {
    await this.page.keyboard.press(key);
  }

  // Presses a key that leads to another page.
  async goesOnWith(key) {
    await Promise.all([this.page.waitForEvent("load"), this.page.keyboard.press(key)]);
  }

  // Waits until this is so in the page, without loading it again.
  async until(what, check, argument) {
    await this.page.waitForFunction(check, argument, { polling: 50 }).catch(() => assert.fail(`not so in time: ${what}`));
  }

  // Looks at the page as it is now, from every side (look.mjs).
  async looks(about) {
    this.looked += 1;
    await look(this, about);
  }

  async where() {
    const heading = await this.page.locator("h1").first().textContent({ timeout: 1000 }).catch(() => "nothing");
    return `a page at ${this.page.url()} showed: ${heading.trim()}`;
  }
}
