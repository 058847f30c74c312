/**
 * Histories: appended by the batch, read in order.
 *
 * H1. Rows of a batch are written with as few statements as possible; which run they belong to makes no difference.
 */
import type { StoredEvent } from "../../model/event.ts";
import type { Connection } from "./connection.ts";
import type { SqlValue } from "./driver.ts";

const columnCount = 8;

/** Larger ones win little: 16 rows a statement cost two thirds of what 16 statements do. */
const insertSizes = [16, 8, 4, 2, 1] as const;
const insertTexts = insertSizes.map((size) => {
  const row = `(${Array(columnCount).fill("?").join(", ")})`;
  return `INSERT INTO events (run, seq, type, op, name, at, body, payload) VALUES ${Array(size).fill(row).join(", ")}`;
});

/** Gathers the events of one transaction. Nothing is written before `flush`. */
export class EventBatch {
  #values: SqlValue[] = [];

  add(run: number, event: StoredEvent): void {
    this.#values.push(run, event.seq, event.type, event.op, event.name, event.at, event.body, event.payload);
  }

  flush(db: Connection): void {
    const values = this.#values;
    let at = 0;
    for (const [index, size] of insertSizes.entries()) {
      const width = size * columnCount;
      while (values.length - at >= width) {
        db.run(insertTexts[index]!, ...values.slice(at, at + width));
        at += width;
      }
    }
    this.#values = [];
  }
}

type EventRow = [
  seq: number,
  type: string,
  at: number,
  op: number | null,
  name: string | null,
  body: string | null,
  payload: string | null,
];

/** Events of a run after `afterSeq`, in order; a negative limit is none. */
export function readEvents(db: Connection, run: number, afterSeq: number, limit = -1): StoredEvent[] {
  const rows = db.rows<EventRow>(
    "SELECT seq, type, at, op, name, body, payload FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ? + 0",
    run,
    afterSeq,
    limit,
  );
  // In place: an array as long as the history is not made twice.
  const events = rows as unknown as StoredEvent[];
  for (let index = 0; index < rows.length; index++) events[index] = eventFromRow(rows[index]!);
  return events;
}

function eventFromRow(row: EventRow): StoredEvent {
  return {
    seq: row[0],
    type: row[1],
    at: row[2],
    op: row[3],
    name: row[4],
    body: row[5],
    payload: row[6],
  };
}
