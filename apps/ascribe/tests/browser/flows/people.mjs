// An administrator adds somebody, who sets a password with the link and signs in; another acts in two tenants; one is ended.
import assert from "node:assert/strict";

export default async function ({ world, somebody }) {
  const admin = await somebody();
  await admin.signsIn();
  await admin.goes("/people");
  await admin.fills("Name", "Kim Example");
  await admin.fills("E-mail address", "nobody");
  await admin.page.getByLabel("E-mail address").evaluate((field) => { field.type = "text"; });
  await admin.clicks("Add, and make a link");
  await admin.looks("people, refused");
  await admin.goes("/people");
  await admin.fills("Name", "Kim Example");
  await admin.fills("E-mail address", "kim@example.com");
  await admin.page.getByLabel("Role").selectOption({ label: "User" });
  await admin.clicks("Add, and make a link");
  const link = await admin.page.locator("#invitation-link").textContent();
  await admin.looks("people with a link");

  const kim = await somebody();
  const path = new URL(link).pathname;
  await kim.goes(path);
  await kim.sees("Set your password");
  await kim.looks("an invitation");
  await kim.fills("Password", "passwordpassword");
  await kim.clicks("Set the password");
  await kim.reads("everybody tries first");
  await kim.looks("an invitation, refused");
  await kim.fills("Password", "a sentence that only I would say");
  await kim.clicks("Set the password");
  await kim.signsIn("kim@example.com", "a sentence that only I would say");
  await kim.goes("/people", 403);
  await kim.looks("a page that one may not see");
  await kim.goes(path, 404);
  await kim.looks("an invitation that was used");

  await admin.goes("/people");
  await admin.clicks("Kim Example");
  await admin.looks("a person");
  await admin.clicks("Sign them out everywhere");
  await admin.looks("a person who was signed out");
  await kim.goes("/devices");
  await kim.sees("Sign in");
  await admin.clicks("Deactivate Kim Example");
  await admin.looks("a person who was ended");
  await kim.fills("E-mail address", "kim@example.com");
  await kim.fills("Password", "a sentence that only I would say");
  await kim.clicks("Sign in");
  await kim.reads("do not go together");

  // Somebody of the partner who has a role in an agent, too.
  const both = await somebody();
  await both.signsIn(world.both);
  await both.goes("/tenants");
  await both.looks("tenants");
  await both.clicks("Act in Gamma");
  await both.sees("Home");
  assert.match(await both.page.locator(".who").innerText(), /Gamma/);
  await both.looks("home in another tenant");
}
