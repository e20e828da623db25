// Nobody can sign in yet. Whoever has the token makes the first administrator, who then finds every page, and each is empty.

export default async function ({ world, somebody, findings }) {
  const first = await somebody();
  await first.goes("/devices");
  await first.sees("First set-up");
  await first.looks("the first set-up");

  const fillsIn = async (token) => {
    await first.fills("Set-up token", token);
    await first.fills("Company", "Northwind Telemetry");
    await first.fills("Time zone of its dates", "Europe/Berlin");
    await first.fills("Your name", "Robin Example");
    await first.fills("Your e-mail address", world.email);
    await first.fills("Your password", world.password);
  };
  await fillsIn("0".repeat(64));
  await first.clicks("Make the first administrator");
  await first.reads("This is not the token");
  await first.looks("the first set-up, refused");
  await fillsIn(world.token);
  await first.clicks("Make the first administrator");
  await first.sees("Sign in");
  await first.looks("signing in after the set-up");
  await first.signsIn();

  let pages = 0;
  for (const { method, path, open } of world.pages) {
    if (method !== "GET" || open || path.includes("{")) continue;
    await first.goes(path);
    await first.looks(`${path}, empty`);
    pages += 1;
  }
  if (pages < 5) findings.push(`only ${pages} pages have an empty state`);
}
