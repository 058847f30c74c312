/**
 * Giving due runs to workers.
 *
 * L1. A claim looks only at the heads of the lanes that it serves: one seek in `runs_ready` for each priority in use, then the runs
 *     that it takes. What sleeps, is owned or has ended costs it nothing, however much of it there is.
 * L2. A worker that finds nothing takes no lock. Idle workers would otherwise keep the busy ones waiting.
 * L3. Taking the runs and reading what they consist of is one transaction.
 */
import type { Lane } from "../../model/run.ts";
import type { ClaimAnswer, ClaimedRun, ClaimRequest } from "../../store.ts";
import type { Connection } from "./connection.ts";
import { readEvents } from "./events.ts";
import { readUnread } from "./inbox.ts";
import type { RunNumbers } from "./run-numbers.ts";
import { runColumns, runFromRow, type RunRow } from "./run-row.ts";
import type { Transactions } from "./transaction.ts";
import { isLive } from "./workers.ts";

/** INDEXED BY: a plan without this index would read every run, so it fails instead of being slow. */
const inLane = `
  FROM runs INDEXED BY runs_ready
  WHERE queue = ? AND workflow = ? AND version = ? AND wake_at IS NOT NULL`;

/** The next lower priority in use, and its earliest due time. */
export const selectHead = `
  SELECT priority, wake_at ${inLane} AND priority < ?
  ORDER BY priority DESC, wake_at LIMIT 1`;

/** The due runs of one priority after a place in their order. */
export const selectDue = `
  SELECT ${runColumns} ${inLane} AND priority = ? AND wake_at <= ? AND (wake_at, id) > (?, ?)
  ORDER BY wake_at, id LIMIT ? + 0`;

export const takeRun = `
  UPDATE runs SET status = 'running', held = 0, waiting_for = NULL, wake_at = NULL, worker_id = ?, claim = ?,
    commit_number = 0, crash_count = crash_count + 1, updated_at = ?
  WHERE number = ?`;

interface Head {
  lane: Lane;
  priority: number;
  wakeAt: number;
}

export async function claimRuns(
  transactions: Transactions,
  request: ClaimRequest,
  numbers: RunNumbers,
): Promise<ClaimAnswer> {
  const lanes = distinctLanes(request.lanes);
  const empty = await transactions.glance((db, now): ClaimAnswer | undefined => {
    if (!isLive(db, now, request.workerId)) return { live: false, now, runs: [], nextDueAt: null };
    if (request.limit <= 0) return { live: true, now, runs: [], nextDueAt: null };
    const nextDueAt = earliest(readHeads(db, lanes));
    return nextDueAt === null || nextDueAt > now ? { live: true, now, runs: [], nextDueAt } : undefined;
  });
  if (empty) return empty;
  return transactions.write((db, now) => {
    if (!isLive(db, now, request.workerId)) return { live: false, now, runs: [], nextDueAt: null };
    const rows = selectRuns(db, now, lanes, request.limit);
    const runs = rows.map((row, index) => takeRow(db, now, row, request, index));
    for (const row of rows) numbers.remember(row[1], row[0]);
    const nextDueAt = runs.length < request.limit ? earliest(readHeads(db, lanes)) : null;
    return { live: true, now, runs, nextDueAt };
  });
}

function distinctLanes(lanes: readonly Lane[]): Lane[] {
  const byName = new Map(
    lanes.map((lane) => [JSON.stringify([lane.queue, lane.workflow, lane.version]), lane]),
  );
  return [...byName.values()];
}

/** For each lane and each priority in use, the earliest due time; it may lie ahead. */
function readHeads(db: Connection, lanes: readonly Lane[]): Head[] {
  const heads: Head[] = [];
  for (const lane of lanes) {
    let above = Number.MAX_SAFE_INTEGER;
    for (;;) {
      const head = db.row<[priority: number, wakeAt: number]>(
        selectHead,
        lane.queue,
        lane.workflow,
        lane.version,
        above,
      );
      if (!head) break;
      heads.push({ lane, priority: head[0], wakeAt: head[1] });
      above = head[0];
    }
  }
  return heads;
}

function earliest(heads: readonly Head[]): number | null {
  return heads.reduce<number | null>(
    (least, { wakeAt }) => (least === null || wakeAt < least ? wakeAt : least),
    null,
  );
}

/** Higher priority first, then the longer due, then by id, over all lanes. */
function selectRuns(db: Connection, now: number, lanes: readonly Lane[], limit: number): RunRow[] {
  const heads = readHeads(db, lanes).filter((head) => head.wakeAt <= now);
  const priorities = [...new Set(heads.map((head) => head.priority))].sort((a, b) => b - a);
  const chosen: RunRow[] = [];
  for (const priority of priorities) {
    if (chosen.length === limit) break;
    const sharing = heads.filter((head) => head.priority === priority);
    mergeDue(db, now, sharing, limit, chosen);
  }
  return chosen;
}

/** Takes from several ordered lanes at once, and reads from each not much more than it takes. */
function mergeDue(
  db: Connection,
  now: number,
  heads: readonly Head[],
  limit: number,
  chosen: RunRow[],
): void {
  const missing = limit - chosen.length;
  const chunk = heads.length === 1 ? missing : Math.ceil((2 * missing) / heads.length);
  const read = ({ lane, priority }: Head, after?: RunRow): RunRow[] =>
    db.rows<RunRow>(
      selectDue,
      lane.queue,
      lane.workflow,
      lane.version,
      priority,
      now,
      after ? after[10]! : Number.MIN_SAFE_INTEGER,
      after ? after[1] : "",
      chunk,
    );
  const sources = heads.map((head) => ({ head, rows: read(head), next: 0 }));
  while (chosen.length < limit) {
    let first: (typeof sources)[number] | undefined;
    for (const source of sources) {
      const row = source.rows[source.next];
      if (row && (!first || isBefore(row, first.rows[first.next]!))) first = source;
    }
    if (!first) return;
    const row = first.rows[first.next++]!;
    chosen.push(row);
    if (first.next === first.rows.length && first.next === chunk && chosen.length < limit) {
      first.rows = read(first.head, row);
      first.next = 0;
    }
  }
}

function isBefore(a: RunRow, b: RunRow): boolean {
  return a[10] === b[10] ? a[1] < b[1] : a[10]! < b[10]!;
}

function takeRow(db: Connection, now: number, row: RunRow, request: ClaimRequest, index: number): ClaimedRun {
  const claim = `${request.claim}.${index}`;
  const number = row[0];
  db.run(takeRun, request.workerId, claim, now, number);
  const before = runFromRow(row);
  const held = request.hot.get(before.id);
  const hot = held !== undefined && held.claim === before.claim && held.seq === before.nextSeq - 1;
  return {
    run: {
      ...before,
      status: "running",
      held: false,
      wakeAt: null,
      waitingFor: null,
      workerId: request.workerId,
      claim,
      commitNumber: 0,
      crashCount: before.crashCount + 1,
      updatedAt: now,
    },
    previousClaim: before.claim,
    hot,
    events: hot ? [] : readEvents(db, number, 0),
    messages: before.inboxSeq === 0 ? [] : readUnread(db, number),
    now,
  };
}

const selectOwned = `SELECT ${runColumns} FROM runs WHERE id = ? AND claim = ? AND worker_id IS NOT NULL`;

/** An owned run again, as its owner's claim gave it. */
export function loadRun(
  db: Connection,
  now: number,
  request: { runId: string; claim: string; afterSeq: number },
): ClaimedRun | undefined {
  const row = db.row<RunRow>(selectOwned, request.runId, request.claim);
  if (!row) return undefined;
  return {
    run: runFromRow(row),
    previousClaim: null,
    hot: request.afterSeq > 0,
    events: readEvents(db, row[0], request.afterSeq),
    messages: row[15] === 0 ? [] : readUnread(db, row[0]),
    now,
  };
}
