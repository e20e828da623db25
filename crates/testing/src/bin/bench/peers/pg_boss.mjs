// pg-boss: fetched and completed by hand. Its own work() waits half a second between fetches, which would count against it.
import PgBoss from "pg-boss";
import { address, jobs, order, warmPool, whenTold, work } from "./order.mjs";

const perDevice = order.devices_per_job === 1;
const [loops, batchSize, clients] = perDevice ? [4, 500, 16] : [order.workers, 1, order.workers];
const queue = "assign";
const pool = await warmPool(clients);
const boss = new PgBoss({ ...address, max: loops + 1, supervise: false, schedule: false });
boss.on("error", (error) => {
  throw error;
});
await boss.start();
await boss.createQueue(queue);

await whenTold(async () => {
  const all = jobs();
  await boss.insert(all.map((data) => ({ name: queue, data })));
  let done = 0;
  const loop = async () => {
    for (;;) {
      const fetched = await boss.fetch(queue, { batchSize });
      if (fetched.length === 0) return;
      await Promise.all(fetched.map((job) => work(pool, job.data)));
      await boss.complete(queue, fetched.map((job) => job.id));
      done += fetched.length;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  if (done !== all.length) throw new Error(`${done} jobs done of ${all.length}`);
  return done;
});
