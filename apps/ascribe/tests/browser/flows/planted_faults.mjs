// Pages with a fault each: what looks at pages finds it, and finds nothing on a page that has none.
import assert from "node:assert/strict";

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";
const page = (content, head = "") => `<!doctype html><html lang="en"><head><title>Planted</title><meta name="viewport" content="width=device-width">${head}</head><body><main><h1>Planted</h1>${content}</main></body></html>`;

// What is wrong, and what has to be said of it. `policy: false`: without one.
const FAULTS = [
  ["a field without a label", page("<input type=text name=a>"), /label/],
  ["text that is too pale", page("<p class=a>pale</p>", "<link rel=stylesheet href=/planted.css>"), /color-contrast/],
  ["a target that is too small", page("<p class=b><a href=/x>x</a><a href=/y>y</a></p>", "<link rel=stylesheet href=/planted.css>"), /target-size/],
  ["a page that is too wide", page("<p class=c>wide</p>", "<link rel=stylesheet href=/planted.css>"), /scrolls sideways/],
  ["a script in the page", page("<script>1</script>"), /against the policy|the console says/],
  ["a style in the page", page("<p style='color:red'>red</p>"), /against the policy|the console says/],
  ["text that became a part of the page", page("<b data-canary>x</b>"), /became a part/],
  ["a script of somebody's that ran", page("<script data-canary>document.title = 'canary'</script>"), /script ran/, { policy: false }],
  ["a picture of the canary's", page("<img alt='' src=/canary>"), /picture is fetched/],
  ["a script that fails", page("", "<script src=/planted.js></script>"), /a script failed/],
  ["too heavy a script", page("", "<script src=/heavy.js></script>"), /scripts weigh/],
  ["too heavy a page", page(`<p>${"heavy ".repeat(30_000)}</p>`), /the page weighs/],
];
const FILES = {
  "/planted.css": ["text/css", ".a{color:#bbb;background:#fff} .b a{display:inline-block;width:8px;height:8px;overflow:hidden} .c{width:3000px} .d{outline:0}"],
  "/planted.js": ["text/javascript", "throw new Error('planted')"],
  "/heavy.js": ["text/javascript", `"${"x".repeat(70_000)}"`],
};

export default async function ({ world, somebody }) {
  const lookAt = async (html, policy = true) => {
    const found = [];
    const visitor = await somebody({ findings: found });
    await visitor.context.route("**/*", async (route) => {
      const { pathname } = new URL(route.request().url());
      const [contentType, body] = FILES[pathname] ?? ["text/html", html];
      const headers = policy ? { "content-security-policy": POLICY } : {};
      await route.fulfill({ contentType, body, headers });
    });
    await visitor.goes(`${world.url}/planted`);
    await visitor.looks("planted");
    return { found, visitor };
  };

  const sound = await lookAt(page("<p>Nothing is wrong here. <a href=/x>On</a></p>"));
  assert.deepEqual(sound.found, []);
  for (const [what, html, says, { policy } = {}] of FAULTS) {
    const { found } = await lookAt(html, policy);
    assert.ok(found.some((finding) => says.test(finding)), `${what} is not found: ${JSON.stringify(found)}`);
  }
  await sound.visitor.tabsTo("On");
  await assert.rejects(sound.visitor.tabsTo("Nowhere"), /the keyboard does not get to "Nowhere"/);
  const { visitor } = await lookAt(page("<a class=d href=/x>On</a>", "<link rel=stylesheet href=/planted.css>"));
  await assert.rejects(visitor.tabsTo("On"), /one does not see that On has the focus/);
}
