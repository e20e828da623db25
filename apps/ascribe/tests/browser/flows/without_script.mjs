// Everything is there without JavaScript: signing in, applying, looking again, pausing and resuming, planning it backwards.
import assert from "node:assert/strict";

export default async function ({ world, ask, somebody }) {
  const plain = await somebody({ scripts: false });
  await plain.signsIn();
  await plain.goes(`/plans/${world.large.id}`);
  await plain.fills("Type 1,200", "1,200");
  await plain.clicks("Apply 1,200 changes");
  await plain.reads("It runs without you");
  await ask({ work: 3 });
  await plain.clicks("Look again");
  assert.match(await plain.page.locator(".sum").innerText(), /300 ok/);
  await plain.looks("a change that runs, without a script");
  await plain.clicks("Pause");
  await plain.reads("What was under way is finished first");
  await plain.clicks("Resume");
  await ask({ work: 1000 });
  await plain.clicks("Look again");
  assert.match(await plain.page.locator(".sum").innerText(), /1,200 ok/);
  await plain.clicks("Plan it backwards");
  await plain.looks("a plan that takes back, without a script");
  await plain.fills("Type 1,200", "1,200");
  await plain.clicks("Apply 1,200 changes");
  await ask({ work: 1000 });
  await plain.clicks("Look again");
  await plain.reads("Done");
}
