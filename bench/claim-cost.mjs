/** What a claim costs beside a million pending and a million finished runs, against an empty store. */
import { join } from "node:path";
import { createSqliteStore } from "perdure/sqlite";
import { median, openBare, report, temporaryFolder } from "./bare-loop.mjs";

const million = Number(process.env.PERDURE_BENCH_RUNS ?? 1_000_000);
const folder = temporaryFolder();
const lane = { queue: "default", workflow: "order", version: "1" };

async function openStore(name) {
  const store = createSqliteStore({ path: join(folder, name) });
  await store.open();
  await store.register({
    id: "w1",
    leaseMs: 3_600_000,
    host: "bench",
    pid: 1,
    version: "1",
    lanes: [lane],
    concurrency: 1,
  });
  return store;
}

let claims = 0;
async function claimOnce(store) {
  const begin = performance.now();
  const { runs } = await store.claim({
    workerId: "w1",
    lanes: [lane],
    limit: 10,
    claim: `c${claims++}`,
    hot: new Map(),
  });
  const us = (performance.now() - begin) * 1_000;
  if (runs.length !== 10) throw new Error(`claimed ${runs.length}`);
  return us;
}

/** Ten runs that are due before all others, so that both stores claim the same. */
async function addTen(store) {
  await store.create(
    Array.from({ length: 10 }, () => ({
      ...lane,
      id: `run-${claims}-${Math.random()}`,
      kind: "workflow",
      priority: 0,
      startAt: 1,
      startAfterMs: null,
      deadlineAt: null,
      deadlineAfterMs: null,
      idempotencyKey: null,
      inputHash: null,
      attempt: 1,
      predecessorId: null,
      replaces: null,
      attributes: {},
      created: { body: null, payload: '{"id":1}' },
    })),
  );
}

const small = await openStore("empty.db");
const large = await openStore("large.db");
const db = await openBare(join(folder, "large.db"));
const now = Date.now();
db.exec("BEGIN");
const insertRun = db.prepare(`
  INSERT INTO runs (id, kind, queue, workflow, version, status, priority, wake_at, next_seq, created_at, updated_at, attempt)
  VALUES (?, 'workflow', 'default', 'order', '1', ?, 0, ?, 2, ?, ?, 1)`);
const insertEvent = db.prepare(
  "INSERT INTO events (run, seq, type, op, name, at, body, payload) VALUES (?, 1, 'run.created', NULL, 'order', ?, NULL, '1')",
);
for (let index = 0; index < 2 * million; index++) {
  const isPending = index % 2 === 0;
  const { lastInsertRowid } = insertRun.run(
    `bulk-${String(index).padStart(9, "0")}`,
    isPending ? "pending" : "completed",
    isPending ? now - 1_000_000 + index / 10 : null,
    now,
    now,
  );
  insertEvent.run(Number(lastInsertRowid), now);
}
db.exec("COMMIT");
db.close();

const pairs = [];
for (let round = 0; round < 300; round++) {
  await addTen(small);
  await addTen(large);
  pairs.push([await claimOnce(small), await claimOnce(large)]);
}
const measured = pairs.slice(50);
const ratio =
  median(measured.map(([a]) => a)) === 0
    ? NaN
    : median(measured.map(([, b]) => b)) / median(measured.map(([a]) => a));
await small.close();
await large.close();
report([
  { name: "claim of 10 runs in an empty store, us p50", value: median(measured.map(([a]) => a)).toFixed(0) },
  {
    name: `claim of 10 beside ${million} pending and ${million} finished, us p50`,
    value: median(measured.map(([, b]) => b)).toFixed(0),
  },
  { name: "large to empty", value: ratio.toFixed(2), goal: "<= 2.00", met: ratio <= 2 },
]);
