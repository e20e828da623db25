// What holds for every page in every state: it can be used by everybody (axe), fits in both themes and down to 320 pixels, weighs
// little, breaks no policy, and nothing that somebody typed has become a part of it.

// Bytes over the wire with an empty cache, headers estimated as the browser does (Resource Timing: 300 each). Reference: product 4.7.
const MOST_BYTES = 150_000;
const MOST_SCRIPT_BYTES = 60_000;
// WCAG 2.2 AA, and what axe thinks is good besides.
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
// Each theme and each width once: colours do not depend on the width, nor does what is where on the theme.
const RENDERINGS = [["light", 1280], ["dark", 320]];

export async function look(visitor, about) {
  const { page, findings } = visitor;
  const found = (what) => findings.push(`${about}: ${what}`);
  if (visitor.scripts) {
    await weigh(page, found);
    const everywhere = new Map();
    for (const [theme, width] of RENDERINGS) {
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize({ width, height: 900 });
      const here = (what) => everywhere.set(what, [...(everywhere.get(what) ?? []), `${theme} ${width} px`]);
      await fit(page, here);
      await axe(visitor, here);
    }
    for (const [what, where] of everywhere) found(`${what} [${where.join(", ")}]`);
    await page.emulateMedia({ colorScheme: visitor.theme });
    await page.setViewportSize({ width: visitor.width, height: 900 });
    for (const violation of await page.evaluate(() => window.violations ?? [])) found(`against the policy: ${violation}`);
  } else {
    await fit(page, found);
  }
  await canary(visitor, about, found);
}

async function weigh(page, found) {
  const parts = await page.evaluate(() => {
    const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    // What a script asks for afterwards is no part of the page.
    const own = all.filter((part) => !["fetch", "xmlhttprequest", "other"].includes(part.initiatorType));
    return own.map((part) => ({ name: part.name, kind: part.initiatorType, bytes: part.encodedBodySize + 300 }));
  });
  const sum = (some) => some.reduce((bytes, part) => bytes + part.bytes, 0);
  const scripts = parts.filter((part) => part.kind === "script" || /\.m?js$/.test(new URL(part.name).pathname));
  if (sum(parts) > MOST_BYTES) found(`the page weighs ${sum(parts)} bytes`);
  if (sum(scripts) > MOST_SCRIPT_BYTES) found(`its scripts weigh ${sum(scripts)} bytes`);
}

async function fit(page, found) {
  const wide = await page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return null;
    const all = [...document.querySelectorAll("body *")];
    const over = all.filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll, pre"));
    return over.slice(0, 2).map((one) => one.outerHTML.slice(0, 120)).join(" and ") || "something";
  });
  if (wide) found(`the page scrolls sideways because of ${wide}`);
}

async function axe(visitor, found) {
  const { page } = visitor;
  // Put in past the page's own policy, which lets nobody else's script in.
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(visitor.axe);
  const violations = await page.evaluate(async (rules) => {
    const result = await window.axe.run(document, { runOnly: { type: "tag", values: rules }, resultTypes: ["violations"] });
    return result.violations.map((violation) => {
      const nodes = violation.nodes.slice(0, 2).map((node) => {
        const why = [...node.any, ...node.all, ...node.none].map((check) => check.message)[0] ?? "";
        return `${node.html.slice(0, 160)} (${why})`;
      });
      return `${violation.id}: ${nodes.join(" and ")}`;
    });
  }, RULES);
  violations.forEach(found);
}

async function canary(visitor, about, found) {
  const seen = await visitor.page.evaluate((text) => {
    // Who is signed in, and where, is told on every page; what counts here is the page's own.
    const shown = document.querySelector("main").textContent + [...document.querySelectorAll("input, textarea")].map((field) => field.value).join();
    return {
      lives: document.querySelector("[data-canary]")?.outerHTML,
      sings: document.title === "canary",
      shown: shown.includes(text),
    };
  }, "<script data-canary>");
  if (seen.lives) found(`somebody's text became a part of the page: ${seen.lives.slice(0, 120)}`);
  if (seen.sings) found("somebody's script ran");
  if (seen.shown) visitor.canaries.add(about);
}
