// What the bench says to a peer, line by line on stdin: the order (JSON), then "go". The peer answers "ready" when its schema
// is made and its workers are warm, and {"jobs": …} when the last job is done and marked as done. When stdin ends, so does it.
import { createInterface } from "node:readline";
import pg from "pg";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const next = async () => {
  const { value, done } = await lines.next();
  if (done) process.exit(1);
  return value;
};

export const order = JSON.parse(await next());

export const address = { host: order.host, port: order.port, user: order.user, database: order.database };

/** A pool of as many connections as there are jobs at a time, all of them open before the time runs. */
export async function warmPool(size) {
  const pool = new pg.Pool({ ...address, max: size, min: size, idleTimeoutMillis: 0 });
  // A connection that breaks ends the run; graphile-worker warns where nobody says so.
  const fail = (error) => {
    throw error;
  };
  pool.on("error", fail);
  pool.on("connect", (client) => client.on("error", fail));
  const clients = await Promise.all(Array.from({ length: size }, () => pool.connect()));
  clients.forEach((client) => client.release());
  return pool;
}

/** The jobs: the first and the last row of each. */
export function jobs() {
  const all = [];
  for (let first = 1; first <= order.devices; first += order.devices_per_job) {
    all.push({ first, last: Math.min(first + order.devices_per_job - 1, order.devices) });
  }
  return all;
}

const named = (texts, prefix) => texts.map((text, at) => ({ name: `${prefix}${at}`, text }));
const statements = named(order.statements, "job");
const atTheEnd = named(order.at_the_end, "end");

/** One job: the statements that everybody runs, prepared; in one transaction if there are several. */
export async function work(pool, { first, last }) {
  const values = [order.tenant, order.change, first, last];
  if (statements.length === 1) {
    await pool.query({ ...statements[0], values });
    return;
  }
  const client = await pool.connect();
  try {
    await client.query("begin");
    for (const statement of statements) await client.query({ ...statement, values });
    await client.query("commit");
  } finally {
    client.release();
  }
}

/** Says that all is set up, waits for the word, does it, says that it is done, and waits to be let go. */
export async function whenTold(run) {
  console.log("ready");
  await next();
  const done = await run();
  const pool = await warmPool(1);
  const values = [order.tenant, order.change, 1, order.devices];
  for (const statement of atTheEnd) await pool.query({ ...statement, values });
  console.log(JSON.stringify({ jobs: done }));
  await lines.next();
  process.exit(0);
}
