/** Lists and counts of runs: what a filter finds, page by page, newest first. */
import { decodeCursor, encodeCursor, type Page, type Position } from "../../model/page.ts";
import type { RunRecord, RunStatus } from "../../model/run.ts";
import type { RunFilter, RunQuery } from "../../store.ts";
import { copyRecord, type RunRow } from "./run-row.ts";

/**
 * @param byCreation oldest first.
 * @throws PerdureError `INVALID_CURSOR`.
 */
export function listRuns(byCreation: readonly RunRow[], query: RunQuery): Page<RunRecord> {
  const position = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
  const items: RunRecord[] = [];
  for (let index = position ? firstAtOrAfter(byCreation, position) : byCreation.length; index-- > 0;) {
    const row = byCreation[index]!;
    if (!matches(row.record, query)) continue;
    if (items.length === query.limit) {
      const last = items.at(-1)!;
      return { items, cursor: encodeCursor({ createdAt: last.createdAt, id: last.id }) };
    }
    items.push(copyRecord(row));
  }
  return { items, cursor: null };
}

export function countRuns(rows: readonly RunRow[], filter: RunFilter): Partial<Record<RunStatus, number>> {
  const counts: Partial<Record<RunStatus, number>> = {};
  for (const { record } of rows) {
    if (matches(record, filter)) counts[record.status] = (counts[record.status] ?? 0) + 1;
  }
  return counts;
}

function matches(record: RunRecord, filter: RunFilter): boolean {
  if (filter.workflow !== undefined && record.workflow !== filter.workflow) return false;
  if (filter.version !== undefined && record.version !== filter.version) return false;
  if (filter.queue !== undefined && record.queue !== filter.queue) return false;
  if (filter.kind !== undefined && record.kind !== filter.kind) return false;
  if (filter.status !== undefined && !filter.status.includes(record.status)) return false;
  if (filter.idempotencyKey !== undefined && record.idempotencyKey !== filter.idempotencyKey) return false;
  if (filter.createdAfter !== undefined && record.createdAt <= filter.createdAfter) return false;
  if (filter.createdBefore !== undefined && record.createdAt >= filter.createdBefore) return false;
  return Object.entries(filter.attributes ?? {}).every(
    ([name, value]) => Object.hasOwn(record.attributes, name) && record.attributes[name] === value,
  );
}

/** The first index whose run is not before the position: the next page ends there. */
function firstAtOrAfter(byCreation: readonly RunRow[], position: Position): number {
  let low = 0;
  let high = byCreation.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const { createdAt, id } = byCreation[middle]!.record;
    const isBefore = createdAt < position.createdAt || (createdAt === position.createdAt && id < position.id);
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return low;
}
