// The pictures of the documents: three pages in both themes, as they are. Written only if a folder is given.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

// A picture larger than this does not belong into a repository.
const MOST_BYTES = 150_000;

export default async function ({ world, ask, somebody }) {
  const ops = await somebody();
  await ops.signsIn();
  const cdp = await ops.context.newCDPSession(ops.page);
  const takes = async (name, height) => {
    await ops.page.setViewportSize({ width: 1280, height });
    for (const theme of ["light", "dark"]) {
      await ops.page.emulateMedia({ colorScheme: theme });
      const { data } = await cdp.send("Page.captureScreenshot", { format: "webp", quality: 82 });
      const bytes = Buffer.from(data, "base64");
      assert.ok(bytes.length > 5_000 && bytes.length <= MOST_BYTES, `${name}-${theme} has ${bytes.length} bytes`);
      if (world.folder) writeFileSync(join(world.folder, `${name}-${theme}.webp`), bytes);
    }
  };
  await ops.goes("/devices");
  await takes("devices", 720);
  await ops.goes(`/plans/${world.plan.id}`);
  await takes("plan", 900);
  await ops.fills("Type 1,200", "1,200");
  await ops.clicks("Apply 1,200 changes");
  await ask({ work: 8 });
  await ops.until("it runs", () => document.querySelector(".sum").innerText.includes("800 ok"));
  await takes("bulk-change", 860);
  await ask({ work: 1000 });
}
