// A plan is applied with the keyboard alone; a large one is watched, paused and resumed while a worker works; what was cancelled is
// planned again, what was done is planned backwards; what nobody knows of is decided on.
import assert from "node:assert/strict";

export default async function ({ world, ask, somebody }) {
  const ops = await somebody();
  const sum = () => ops.page.locator(".sum").innerText();
  const headline = async (word) => {
    await ops.until(`it is ${word}`, (state) => document.querySelector(".headline .state")?.textContent.trim() === state, word);
  };
  const shows = async (part) => {
    await ops.until(`the tally says ${part}`, (text) => document.querySelector(".sum").innerText.includes(text), part);
  };
  await ops.signsIn();

  // With the keyboard alone, from the list of plans.
  await ops.goes("/bulk-changes?stage=plans");
  await ops.looks("plans");
  await ops.tabsTo(`Assign customer: ${world.small.name}`);
  await ops.goesOnWith("Enter");
  await ops.looks("a plan");
  await ops.tabsTo("Apply 4 changes");
  await ops.goesOnWith("Enter");
  await ops.reads("It runs without you");
  await ops.looks("a change that starts");
  await ops.page.evaluate(() => { window.kept = "the same document"; });
  await ask({ work: 1000 });
  await headline("Done");
  assert.equal(await ops.page.evaluate(() => window.kept), "the same document", "it came by itself");
  assert.match(await sum(), /4\s*= 4 ok/);
  await ops.looks("a change that is done");
  await ops.clicks("1");
  await ops.sees("Row 1");
  await ops.looks("a row");

  // A large one: its number has to be typed.
  await ops.goes(`/plans/${world.large.id}`);
  await ops.looks("a plan that asks for its number");
  await ops.fills("Type 1,200", "1,000");
  await ops.clicks("Apply 1,200 changes");
  await ops.reads("to say that you have seen how many rows it is");
  await ops.looks("a plan, not applied for the wrong number");
  await ops.fills("Type 1,200", "1,200");
  await ops.clicks("Apply 1,200 changes");
  await ask({ work: 3 });
  await shows("300 ok");
  await ops.looks("a change that runs");
  // What somebody types is theirs while the page renews itself, and so is the focus.
  await ops.page.getByLabel("Reason's code").focus();
  await ops.types("STALE");
  await ask({ work: 2 });
  await shows("500 ok");
  const typed = await ops.page.evaluate(() => [document.activeElement.id, document.activeElement.value]);
  assert.deepEqual(typed, ["reason", "STALE"]);
  assert.match(await ops.page.locator("#status").textContent(), /^$|ok/, "the tally is told now and then");
  await ops.clicks("Pause");
  await ops.reads("What was under way is finished first");
  assert.equal((await ask({ work: 2 })).chunks, 0, "nothing is claimed while it is paused");
  await headline("Paused");
  await ops.looks("a change that is paused");
  await ops.clicks("Resume");
  await ask({ work: 1000 });
  await headline("Done");
  assert.match(await sum(), /1,200\s*= 1,200 ok/);
  await ops.page.locator("nav", { has: ops.page.getByText("Next page") }).getByRole("link", { name: "Next page" }).click();
  await ops.until("the second page", () => location.search.includes("cursor="));
  await ops.looks("further rows of a change");

  // Cancelled before it began; planned again; carried out; planned backwards; carried out.
  await ops.goes(`/plans/${world.other.id}`);
  await ops.clicks("Apply 5 changes");
  await ops.clicks("Cancel what has not begun");
  await ops.reads("what is done stays done");
  await ask({ work: 1000 });
  await headline("Cancelled");
  await ops.looks("a change that was cancelled");
  await ops.clicks("Plan again what was not done");
  await ops.looks("a plan that tries again");
  await ops.clicks("Apply 5 changes");
  await ask({ work: 1000 });
  await headline("Done");
  await ops.clicks("Plan it backwards");
  await ops.looks("a plan that takes back");
  await ops.clicks("Apply 5 changes");
  await ask({ work: 1000 });
  await headline("Done");
  await ops.reads("What was done there");
  await ops.looks("a change that took back");

  // Somebody else was faster with these devices: each row says so and is left alone.
  await ops.goes(`/plans/${world.stale.id}`);
  await ops.clicks("Apply 3 changes");
  await ask({ work: 1000 });
  await headline("Nothing was done");
  await ops.reads("STALE_SINCE_PLAN");
  await ops.looks("a change that did nothing");
  await ops.clicks("Plan again what was not done");
  await ops.reads("There is nothing to apply");
  await ops.looks("a plan with nothing to apply");

  // What nobody knows of waits for a person, and is on the home page until then.
  await ops.goes("/");
  await ops.reads("Rows whose outcome nobody knows");
  await ops.looks("home with rows that need attention");
  await ops.clicks(`Assign customer: ${world.attention.name}`);
  await ops.looks("a change with rows that need attention");
  await ops.page.getByRole("checkbox", { name: "Row 1" }).check();
  await ops.page.getByLabel("What is to happen").selectOption("failed");
  await ops.fills("Why", "The carrier never had it");
  await ops.clicks("Decide");
  await ops.reads("Decided");
  await ops.looks("a change after a decision");
  await ops.goes("/");
  assert.equal(await ops.page.getByText("Rows whose outcome nobody knows").count(), 0);
}
