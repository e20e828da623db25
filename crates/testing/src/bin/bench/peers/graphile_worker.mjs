// graphile-worker: one process, as its manual tunes it: for many small jobs a local queue and batched completion.
import { Logger, makeWorkerUtils, run, runMigrations } from "graphile-worker";
import { jobs, order, warmPool, whenTold, work } from "./order.mjs";

const perDevice = order.devices_per_job === 1;
const concurrency = perDevice ? 24 : order.workers;
const queuePool = await warmPool(4);
const workPool = await warmPool(concurrency);
const logger = new Logger(() => () => {});
await runMigrations({ pgPool: queuePool, logger });
const utils = await makeWorkerUtils({ pgPool: queuePool, logger });
const runner = await run({
  pgPool: queuePool,
  logger,
  noHandleSignals: true,
  taskList: { assign: (payload) => work(workPool, payload) },
  preset: {
    worker: {
      concurrentJobs: concurrency,
      pollInterval: 500,
      ...(perDevice ? { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}),
    },
  },
});

await whenTold(async () => {
  const all = jobs();
  const ended = new Promise((resolve, reject) => {
    let left = all.length;
    runner.events.on("job:error", ({ error }) => reject(error));
    runner.events.on("job:complete", () => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
  for (let at = 0; at < all.length; at += 10_000) {
    await utils.addJobs(all.slice(at, at + 10_000).map((payload) => ({ identifier: "assign", payload })));
  }
  await ended;
  return all.length;
});
