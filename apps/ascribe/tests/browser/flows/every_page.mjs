// Every page there is, with a canary in whatever somebody may have typed: none of it is anything but text.
//
// The pages are the app's own table; a new one is here the moment it is there, and needs an address (tests/browser/addresses.rs).
import assert from "node:assert/strict";

export default async function ({ world, somebody, findings }) {
  const admin = await somebody({ userAgent: `Browser ${world.canary}` });
  await admin.signsIn();
  const stranger = await somebody();

  const pages = world.pages.filter(({ method }) => method === "GET");
  for (const { path, open } of pages) {
    const addresses = world.addresses[path] ?? [];
    if (addresses.length === 0) findings.push(`${path} has no address: add one to tests/browser/addresses.rs`);
    for (const [address, status] of addresses) {
      const visitor = open ? stranger : admin;
      await visitor.goes(address, status);
      await visitor.looks(path);
    }
  }

  for (const [address, status] of world.states) {
    await admin.goes(address, status);
    await admin.looks(address);
  }
  const canary = encodeURIComponent(world.canary);
  for (const [address, status] of [
    [`/${canary}`, 404],
    [`/devices?status=${canary}&iccid=${canary}&service_provider=${canary}`, 200],
    [`/people?q=${canary}`, 200],
    [`/bulk-changes/${world.change}?reason=${canary}`, 400],
  ]) {
    await admin.goes(address, status);
    await admin.looks(`${address.slice(0, 12)}… with a canary in the address`);
  }

  // Who may look at nothing still has a home; who may not administer is told so.
  const told = await somebody();
  await told.signsIn(world.told);
  await told.looks("home of somebody who is only told");
  await told.goes("/devices", 403);
  await told.looks("devices, refused");

  // A canary that is shown nowhere would prove nothing.
  const shown = pages.filter(({ path }) => admin.canaries.has(path)).map(({ path }) => path);
  console.log(`the canary is text on ${shown.join(", ")}`);
  assert.ok(shown.length >= 10, "the canary is shown on too few pages");
}
