// Signing in: with a wrong and a right password, with the keyboard alone, without a script, and again when the session is over.
import assert from "node:assert/strict";

export default async function ({ world, somebody }) {
  const ops = await somebody();
  await ops.goes("/devices");
  await ops.sees("Sign in");
  await ops.looks("signing in");
  await ops.fills("E-mail address", world.email);
  await ops.fills("Password", "not the password");
  await ops.clicks("Sign in");
  await ops.reads("do not go together");
  await ops.looks("signing in, refused");
  assert.equal(await ops.page.evaluate(() => document.activeElement.id), "refused", "the refusal has the focus");

  // From here on no pointer: the address is still there, so it is password, button.
  await ops.tabsTo("E-mail address");
  await ops.tabsTo("Password");
  await ops.types(world.password);
  await ops.tabsTo("Sign in");
  await ops.goesOnWith("Enter");
  await ops.sees("Devices");

  // Single keys lead to places, and can be switched off.
  await ops.presses("?");
  await ops.page.getByRole("dialog").waitFor();
  await ops.looks("the keys");
  await ops.presses("Escape");
  await ops.presses("g");
  await ops.goesOnWith("b");
  await ops.sees("Bulk changes");
  await ops.goes("/account");
  await ops.looks("the account");
  await ops.clicks("Switch them off");
  await ops.presses("g");
  await ops.presses("d");
  await ops.page.waitForTimeout(200);
  await ops.sees("Your account");

  // Skipping what every page has.
  await ops.goes("/bulk-changes");
  await ops.tabsTo("Skip to the content");
  await ops.presses("Enter");
  assert.equal(await ops.page.evaluate(() => document.activeElement.id), "main");

  // A theme that somebody chose stays, whatever the system says.
  const ground = () => ops.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await Promise.all([ops.page.waitForEvent("load"), ops.page.getByRole("button", { name: "Dark" }).click()]);
  assert.notEqual(await ground(), light);
  await ops.goes("/account");
  assert.notEqual(await ground(), light);
  await ops.looks("the account, dark by choice");

  await Promise.all([ops.page.waitForEvent("load"), ops.page.getByRole("button", { name: "Sign out", exact: true }).click()]);
  await ops.sees("Sign in");
  await ops.looks("signing in after signing out");

  // Too often, too wrong: each wait is longer than the last, so that one of them is met even where an answer takes its time.
  const guesser = await somebody();
  for (let tries = 0; tries < 15; tries += 1) {
    await guesser.goes("/sign-in");
    await guesser.fills("E-mail address", world.another);
    await guesser.fills("Password", "a wrong password");
    await guesser.clicks("Sign in");
    if ((await guesser.page.getByText("Nobody is locked out").count()) > 0) break;
  }
  await guesser.reads("Nobody is locked out");
  await guesser.looks("signing in, too often");

  // Half an hour later, at the same host: cookies do not know of ports.
  const idle = await somebody();
  await idle.signsIn();
  await idle.goes(`${world.later}/bulk-changes`);
  await idle.sees("Sign in");
  await idle.reads("Your session is over");
  await idle.looks("signing in when a session is over");

  const plain = await somebody({ scripts: false, width: 320, theme: "dark" });
  await plain.goes("/sign-in");
  await plain.fills("E-mail address", world.email);
  await plain.fills("Password", "not the password");
  await plain.clicks("Sign in");
  await plain.reads("do not go together");
  await plain.signsIn();
  await plain.looks("home without a script");
}
