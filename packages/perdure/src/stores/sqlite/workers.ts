/**
 * Workers, their leases, and what becomes of their runs.
 *
 * W1. A worker is live while it is not marked dead and its lease ends later than now.
 * W2. Being found dead is final: the mark and the check of the lease are one transaction, and `renew` looks at the mark.
 * W3. A freed run is due since it was created, so that what a crash interrupted does not queue behind all that waits. It keeps its
 *     claim: a repeat of its owner's last commit is still known by it.
 */
import type { Lane } from "../../model/run.ts";
import type { NewWorker, OwnedClaim, RenewAnswer, RenewRequest, WorkerRecord } from "../../store.ts";
import type { Connection } from "./connection.ts";
import type { Transactions } from "./transaction.ts";

/** A run that has nothing but its first event begins anew, as if nobody had claimed it. */
const setFreed = `
  worker_id = NULL, wake_at = min(created_at, ?), status = CASE next_seq WHEN 2 THEN 'pending' ELSE 'suspended' END, updated_at = ?`;

export function isLive(db: Connection, now: number, workerId: string): boolean {
  return (
    db.row("SELECT 1 FROM workers WHERE id = ? AND dead = 0 AND lease_until > ?", workerId, now) !== undefined
  );
}

export function registerWorker(db: Connection, now: number, worker: NewWorker): void {
  db.run(
    `INSERT INTO workers (id, lease_ms, lease_until, started_at, host, pid, version, lanes, concurrency)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    worker.id,
    worker.leaseMs,
    now + worker.leaseMs,
    now,
    worker.host,
    worker.pid,
    worker.version,
    JSON.stringify(worker.lanes),
    worker.concurrency,
  );
}

export function renewLease(db: Connection, now: number, request: RenewRequest): RenewAnswer {
  const lease = db.row<[leaseUntil: number]>(
    "UPDATE workers SET lease_until = ? + lease_ms WHERE id = ? AND dead = 0 AND lease_until > ? RETURNING lease_until",
    now,
    request.workerId,
    now,
  );
  if (!lease) return { live: false, now };
  if (request.lanes)
    db.run("UPDATE workers SET lanes = ? WHERE id = ?", JSON.stringify(request.lanes), request.workerId);
  const readInboxSeqs = new Map(request.claims.map((held) => [claimKey(held), held.readInboxSeq]));
  const strange: OwnedClaim[] = [];
  const unread: string[] = [];
  const owned = db.rows<[id: string, claim: string, inboxSeq: number]>(
    "SELECT id, claim, inbox_seq FROM runs INDEXED BY runs_owned WHERE worker_id = ? ORDER BY id",
    request.workerId,
  );
  for (const [runId, claim, inboxSeq] of owned) {
    const readInboxSeq = readInboxSeqs.get(claimKey({ runId, claim }));
    if (readInboxSeq === undefined) strange.push({ runId, claim });
    else if (inboxSeq > readInboxSeq) unread.push(runId);
  }
  return { live: true, now, leaseUntil: lease[0], strange, unread };
}

/** No stored text has the character NUL. */
function claimKey({ runId, claim }: OwnedClaim): string {
  return `${runId}\0${claim}`;
}

export function unregisterWorker(db: Connection, now: number, workerId: string): void {
  db.run(
    `UPDATE runs INDEXED BY runs_owned SET ${setFreed}, crash_count = max(crash_count - 1, 0) WHERE worker_id = ?`,
    now,
    now,
    workerId,
  );
  db.run("DELETE FROM workers WHERE id = ?", workerId);
}

export function releaseClaims(db: Connection, now: number, claims: readonly OwnedClaim[]): void {
  for (const { runId, claim } of claims)
    db.run(
      `UPDATE runs SET ${setFreed}, crash_count = max(crash_count - 1, 0)
       WHERE id = ? AND claim = ? AND worker_id IS NOT NULL`,
      now,
      now,
      runId,
      claim,
    );
}

const freeSome = `
  UPDATE runs SET ${setFreed}
  WHERE number IN (SELECT number FROM runs INDEXED BY runs_owned WHERE worker_id = ? ORDER BY id LIMIT ? + 0)`;

interface Expired {
  now: number;
  workers: string[];
  freed: number;
  more: boolean;
}

export async function expireWorkers(transactions: Transactions, limit: number): Promise<Expired> {
  // Every worker asks once a second, and almost always nobody has died: no lock for that.
  const nobody = await transactions.glance((db, now): Expired | undefined =>
    db.row("SELECT 1 FROM workers WHERE dead = 1 OR lease_until <= ? LIMIT 1", now)
      ? undefined
      : { now, workers: [], freed: 0, more: false },
  );
  return nobody ?? transactions.write((db, now) => freeDead(db, now, limit));
}

function freeDead(db: Connection, now: number, limit: number): Expired {
  db.run("UPDATE workers SET dead = 1 WHERE dead = 0 AND lease_until <= ?", now);
  const workers = db
    .rows<[id: string]>("SELECT id FROM workers WHERE dead = 1 ORDER BY id")
    .map(([id]) => id);
  let freed = 0;
  let more = false;
  for (const id of workers) {
    if (freed < limit) freed += db.run(freeSome, now, now, id, limit - freed).changes;
    if (db.row("SELECT 1 FROM runs INDEXED BY runs_owned WHERE worker_id = ? LIMIT 1", id)) more = true;
    else db.run("DELETE FROM workers WHERE id = ?", id);
  }
  return { now, workers, freed, more };
}

type WorkerRow = [
  id: string,
  leaseMs: number,
  host: string,
  pid: number,
  version: string,
  lanes: string,
  concurrency: number,
  startedAt: number,
  leaseUntil: number,
  dead: number,
  owned: number,
];

export function readWorkers(db: Connection, now: number): WorkerRecord[] {
  const rows = db.rows<WorkerRow>(
    `SELECT id, lease_ms, host, pid, version, lanes, concurrency, started_at, lease_until, dead,
       (SELECT count(*) FROM runs WHERE worker_id = workers.id)
     FROM workers ORDER BY started_at, id`,
  );
  return rows.map((row) => ({
    id: row[0],
    leaseMs: row[1],
    host: row[2],
    pid: row[3],
    version: row[4],
    lanes: JSON.parse(row[5]) as Lane[],
    concurrency: row[6],
    startedAt: row[7],
    leaseUntil: row[8],
    live: row[9] === 0 && row[8] > now,
    owned: row[10],
  }));
}
