// Somebody assigns 5,000 SIMs from a file with bad rows, understands each refusal, watches it run; others paste a list with the keyboard
// alone, tick devices of the list, and do it without a script.
import assert from "node:assert/strict";

export default async function ({ world, ask, somebody }) {
  const ops = await somebody();
  await ops.signsIn();
  await ops.goes("/bulk-changes");
  await ops.clicks("Assign a customer");
  await ops.looks("which devices");
  await ops.clicks("Go on with these");
  await ops.looks("which devices, nothing given");
  const given = await ops.page.evaluate(() => document.activeElement.id);
  assert.equal(given, "refused", "the refusal has the focus");

  // A file of 5,000 rows, some of which nobody could carry out.
  await ops.page.getByLabel("Or choose a file").setInputFiles({ name: "June <script data-canary>.csv", mimeType: "text/csv", buffer: Buffer.from(world.file) });
  await ops.clicks("Go on with these");
  await ops.looks("who gets them");
  await ops.fills("Customer", "Nobody at all");
  await ops.clicks("Make the plan");
  await ops.looks("who gets them, refused");
  await ops.fills("Customer", "wat");
  await ops.clicks("Find a customer");
  await ops.looks("who gets them, looked for");
  await Promise.all([ops.page.waitForEvent("load"), ops.page.getByRole("button", { name: /^Take Water/ }).click()]);
  assert.equal(await ops.page.getByLabel("Customer", { exact: true }).inputValue(), "Water");
  await ops.fills("Ticket", "OPS-7");
  await ops.clicks("Make the plan");
  await ops.until("it is planned", () => document.querySelector("#apply") !== null);
  await ops.looks("a plan of 5,000 rows");
  for (const [reason, rows] of Object.entries(world.reasons)) {
    const row = ops.page.getByRole("row").filter({ hasText: reason });
    assert.match(await row.first().innerText(), new RegExp(`\\b${rows}\\b`), reason);
  }
  await ops.fills(`Type ${world.change}`, world.change);
  await ops.clicks(`Apply ${world.change} changes`);
  await ask({ work: 10 });
  await ops.until("it runs", () => document.querySelector(".sum").innerText.includes("1,000 ok"));
  await ops.looks("5,000 rows that run");
  await ask({ work: 1000 });
  await ops.until("it is done", (change) => document.querySelector(".sum").innerText.includes(`${change} ok`), world.change);
  await ops.looks("5,000 rows that are done");

  // Pasted, with the keyboard alone.
  await ops.goes("/assign");
  await ops.tabsTo("Paste ICCIDs or numbers");
  await ops.types(world.pasted);
  await ops.tabsTo("Go on with these");
  await ops.goesOnWith("Enter");
  await ops.tabsTo("Customer");
  await ops.types("Cold");
  await ops.tabsTo("Make the plan");
  await ops.goesOnWith("Enter");
  await ops.tabsTo("Apply 2 changes");
  await ops.goesOnWith("Enter");
  await ops.reads("It runs without you");
  await ask({ work: 1000 });

  // Ticked on the page of devices.
  await ops.goes("/devices?status=active");
  const ticks = ops.page.locator("input[name=tick]");
  await ticks.nth(0).check();
  await ticks.nth(1).check();
  await ops.looks("devices, ticked");
  await ops.clicks("Assign a customer to 2 ticked");
  await ops.reads("2 rows");
  await ops.looks("who gets those ticked");

  const plain = await somebody({ scripts: false, width: 320 });
  await plain.signsIn();
  await plain.goes("/assign");
  await plain.fills("Paste ICCIDs or numbers", world.pastedPlainly);
  await plain.clicks("Go on with these");
  await plain.fills("Customer", "Cold");
  await plain.looks("who gets them, without a script");
  await plain.clicks("Make the plan");
  await plain.looks("a plan, without a script");
  await plain.clicks("Apply 2 changes");
  await ask({ work: 1000 });
  await plain.clicks("Look again");
  await plain.reads("Done");
}
