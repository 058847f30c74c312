/**
 * Messages: delivered to a run by anybody, consumed by its owner.
 *
 * I1. A message and what it does to its run's row are one transaction (rule 4): there is no moment at which it is in the inbox
 *     and the run sleeps on.
 * I2. An id is known for its run's life, consumed or not, and so also after the run has ended.
 */
import type { MessageKind, StoredMessage } from "../../model/message.ts";
import { isEnded, type RunStatus } from "../../model/run.ts";
import type { NewMessage } from "../../model/message.ts";
import type { DeliverAnswer } from "../../store.ts";
import type { Connection } from "./connection.ts";

export function deliverMessage(db: Connection, now: number, message: NewMessage): DeliverAnswer {
  const run = db.row<[number: number, status: RunStatus, inboxSeq: number]>(
    "SELECT number, status, inbox_seq FROM runs WHERE id = ?",
    message.runId,
  );
  if (!run) return "missing";
  const [number, status, inboxSeq] = run;
  if (db.row("SELECT 1 FROM messages WHERE run = ? AND id = ?", number, message.id)) return "repeated";
  if (isEnded(status)) return "ended";
  db.run(
    "INSERT INTO messages (run, id, seq, kind, name, payload, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    number,
    message.id,
    inboxSeq + 1,
    message.kind,
    message.name,
    message.payload,
    now,
  );
  // An owned run hears of it from its owner's heartbeat; a held one would find no code that can read it; one that has not begun
  // reads it when it does.
  db.run("UPDATE runs SET inbox_seq = inbox_seq + 1, updated_at = ? WHERE number = ?", now, number);
  db.run(
    `UPDATE runs SET wake_at = ?
     WHERE number = ? AND worker_id IS NULL AND held = 0 AND status <> 'pending' AND (wake_at IS NULL OR wake_at > ?)`,
    now,
    number,
    now,
  );
  return "delivered";
}

export function consumeMessages(db: Connection, run: number, ids: readonly string[]): void {
  for (const id of ids) db.run("UPDATE messages SET consumed = 1 WHERE run = ? AND id = ?", run, id);
}

type MessageRow = [
  id: string,
  seq: number,
  kind: MessageKind,
  name: string,
  payload: string | null,
  at: number,
];

/** Messages that no commit has consumed, in order. */
export function readUnread(db: Connection, run: number): StoredMessage[] {
  return db
    .rows<MessageRow>(
      "SELECT id, seq, kind, name, payload, at FROM messages WHERE run = ? AND consumed = 0 ORDER BY seq",
      run,
    )
    .map(([id, seq, kind, name, payload, at]) => ({ id, seq, kind, name, payload, at }));
}
