// Runs one flow: `node run.mjs flows/NAME.mjs`. The first line of stdin is the world it is in, as JSON; further lines answer what it
// asks for. Ends with 0 if the flow went through and nothing was found on the way.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { Visitor } from "./visitor.mjs";

const tools = createRequire(resolve(process.env.ASCRIBE_BROWSER_TOOLS, "package.json"));
const { chromium } = tools("playwright-core");
const axe = tools("axe-core").source;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const world = JSON.parse((await lines.next()).value);

// Asks the test that started this for something that a browser cannot do, such as to let the worker work.
async function ask(what) {
  process.stdout.write(`ask ${JSON.stringify(what)}\n`);
  const { value, done } = await lines.next();
  if (done) throw new Error(`nobody answers ${JSON.stringify(what)}`);
  return JSON.parse(value);
}

// Said as it is found: a flow that does not come to its end has said what it knew.
const findings = [];
findings.push = (...found) => {
  for (const one of found) if (!findings.includes(one)) console.log(`FOUND ${one}`);
  return Array.prototype.push.apply(findings, found);
};
const browser = await chromium.launch({
  executablePath: process.env.ASCRIBE_CHROMIUM,
  chromiumSandbox: false,
  args: ["--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"],
});
const began = Date.now();
let visitors = [];
try {
  // `findings`: where to note what is found, if that is not the end of the flow.
  const somebody = async ({ findings: apart, ...options } = {}) => {
    const visitor = await Visitor.open(browser, { world, axe, findings: apart ?? findings }, options);
    visitors.push(visitor);
    return visitor;
  };
  const flow = await import(pathToFileURL(resolve(process.argv[2])));
  await flow.default({ world, ask, somebody, findings });
} catch (error) {
  findings.push(error.stack ?? String(error));
  for (const visitor of visitors) console.log(await visitor.where());
} finally {
  await browser.close();
}
const looks = visitors.reduce((sum, visitor) => sum + visitor.looked, 0);
console.log(`${looks} states looked at in ${((Date.now() - began) / 1000).toFixed(1)} s`);
process.exit(findings.length === 0 ? 0 : 1);
