/**
 * What can be asked about runs without owning them.
 *
 * Q1. Every answer comes from one statement, and so from one state of the database.
 * Q2. A list follows an index in its own order and stops when the page is full. What has no index (queue, version, kind) is
 *     looked at on the way.
 */
import { decodeCursor, encodeCursor, type Page } from "../../model/page.ts";
import { runStatuses, type RunRecord, type RunStatus } from "../../model/run.ts";
import type { RunFilter, RunQuery, RunSnapshot } from "../../store.ts";
import type { Connection } from "./connection.ts";
import type { SqlValue } from "./driver.ts";
import { endedStatuses, runColumns, runFromRow, type RunRow } from "./run-row.ts";

/** With the payload of the last event for a run that has ended: its output, or its failure. */
const selectSnapshot = `
  SELECT ${runColumns}, events.payload
  FROM runs
  LEFT JOIN events ON events.run = runs.number AND events.seq = runs.next_seq - 1 AND runs.status IN ${endedStatuses}`;

type SnapshotRow = [...RunRow, payload: string | null];

export function readSnapshot(db: Connection, now: number, id: string): RunSnapshot | undefined {
  const row = db.row<SnapshotRow>(`${selectSnapshot} WHERE runs.id = ?`, id);
  return row && snapshotFromRow(row, now);
}

/** The ids go in as one JSON array, so that one statement serves any number of them. */
export function readSnapshots(db: Connection, now: number, ids: readonly string[]): RunSnapshot[] {
  const rows = db.rows<SnapshotRow>(
    `${selectSnapshot} WHERE runs.id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(ids),
  );
  return rows.map((row) => snapshotFromRow(row, now));
}

function snapshotFromRow(row: SnapshotRow, now: number): RunSnapshot {
  return { run: runFromRow(row as unknown as RunRow), payload: row[26], now };
}

/** @throws PerdureError `INVALID_CURSOR`. */
export function listRuns(db: Connection, query: RunQuery): Page<RunRecord> {
  const { conditions, values } = conditionsOf(query);
  if (query.cursor !== undefined) {
    const { createdAt, id } = decodeCursor(query.cursor);
    conditions.push("(created_at, id) < (?, ?)");
    values.push(createdAt, id);
  }
  const rows = db.rows<RunRow>(
    `SELECT ${runColumns} FROM runs ${where(conditions)} ORDER BY created_at DESC, id DESC LIMIT ? + 0`,
    ...values,
    query.limit + 1,
  );
  const items = rows.slice(0, query.limit).map(runFromRow);
  const last = items.at(-1);
  const hasMore = rows.length > query.limit && last !== undefined;
  return { items, cursor: hasMore ? encodeCursor({ createdAt: last.createdAt, id: last.id }) : null };
}

export function countRuns(db: Connection, filter: RunFilter): Partial<Record<RunStatus, number>> {
  const { conditions, values } = conditionsOf(filter);
  const rows = db.rows<[status: RunStatus, count: number]>(
    `SELECT status, count(*) FROM runs ${where(conditions)} GROUP BY status`,
    ...values,
  );
  return Object.fromEntries(rows);
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
}

function conditionsOf(filter: RunFilter): { conditions: string[]; values: SqlValue[] } {
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const add = (condition: string, ...bound: SqlValue[]): void => {
    conditions.push(condition);
    values.push(...bound);
  };
  if (filter.workflow !== undefined) add("workflow = ?", filter.workflow);
  if (filter.version !== undefined) add("version = ?", filter.version);
  if (filter.queue !== undefined) add("queue = ?", filter.queue);
  if (filter.kind !== undefined) add("kind = ?", filter.kind);
  if (filter.status !== undefined) add(statusCondition(filter.status));
  if (filter.idempotencyKey !== undefined) add("idempotency_key = ?", filter.idempotencyKey);
  if (filter.createdAfter !== undefined) add("created_at > ?", filter.createdAfter);
  if (filter.createdBefore !== undefined) add("created_at < ?", filter.createdBefore);
  for (const [name, value] of Object.entries(filter.attributes ?? {}))
    add("number IN (SELECT run FROM attributes WHERE name = ? AND value = ?)", name, JSON.stringify(value));
  return { conditions, values };
}

/**
 * Written out, from the closed list, and one status as an equality: the planner takes a partial index only for a query that
 * has the index's own condition in it.
 */
function statusCondition(statuses: readonly RunStatus[]): string {
  const texts = runStatuses.filter((status) => statuses.includes(status)).map((status) => `'${status}'`);
  if (texts.length === 0) return "0";
  return texts.length === 1 ? `status = ${texts[0]!}` : `status IN (${texts.join(", ")})`;
}
