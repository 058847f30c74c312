/**
 * The one path on which owners write.
 *
 * C1. The fence is part of the statement that writes: one UPDATE per write both checks and moves it. What it did not find is looked
 *     into afterwards, to say why.
 * C2. Rows of runs are written in the order of the writes; events at the end, since none of them is read in between.
 * C3. A write that makes SQLite fail takes the batch back with it; then each is tried alone, so that it fails for itself only.
 * C4. In the middle of a run no index is touched.
 */
import { encodeEvent } from "../../model/event.ts";
import { isEnded, type RunStatus } from "../../model/run.ts";
import { describeThrown } from "../../errors.ts";
import type { CommitAnswer, Leave, RunWrite, WriteAnswer } from "../../store.ts";
import type { Connection } from "./connection.ts";
import { createRun } from "./create.ts";
import type { SqlValue } from "./driver.ts";
import { EventBatch } from "./events.ts";
import { consumeMessages } from "./inbox.ts";
import type { RunNumbers } from "./run-numbers.ts";
import { endedStatuses } from "./run-row.ts";
import { isRefusedValue } from "./sqlite-error.ts";
import type { Transactions } from "./transaction.ts";

export async function commitWrites(
  transactions: Transactions,
  writes: readonly RunWrite[],
  numbers: RunNumbers,
): Promise<CommitAnswer> {
  if (writes.length === 0) return transactions.glance((_db, now) => ({ now, answers: [] }));
  return transactions.write((db, now) => {
    db.run("SAVEPOINT batch");
    try {
      return { now, answers: applyWrites(db, now, writes, numbers) };
    } catch (error) {
      if (!isRefusedValue(error)) throw error;
      db.run("ROLLBACK TO batch");
      return { now, answers: writes.map((write) => applyAlone(db, now, write, numbers)) };
    }
  });
}

function applyWrites(
  db: Connection,
  now: number,
  writes: readonly RunWrite[],
  numbers: RunNumbers,
): WriteAnswer[] {
  const events = new EventBatch();
  const answers = writes.map((write) => applyWrite(db, now, write, numbers, events));
  events.flush(db);
  return answers;
}

function applyAlone(db: Connection, now: number, write: RunWrite, numbers: RunNumbers): WriteAnswer {
  db.run("SAVEPOINT alone");
  try {
    const [answer] = applyWrites(db, now, [write], numbers);
    db.run("RELEASE alone");
    return answer!;
  } catch (error) {
    if (!isRefusedValue(error)) throw error;
    db.run("ROLLBACK TO alone");
    db.run("RELEASE alone");
    const message = `A value of run "${write.runId}" could not be written: ${describeThrown(error)}`;
    return { status: "rejected", reason: "value", message };
  }
}

function applyWrite(
  db: Connection,
  now: number,
  write: RunWrite,
  numbers: RunNumbers,
  events: EventBatch,
): WriteAnswer {
  let answer: WriteAnswer = accepted;
  const isEarly = write.notBefore !== null && write.notBefore > now;
  const number = numbers.find(db, write.runId);
  if (number === undefined) return stale;
  if (isEarly || !moveRow(db, now, number, write, write.leave)) {
    const found = explainRefusal(db, now, write);
    if (found !== "inbox moved") return found;
    moveRow(db, now, number, write, null);
    answer = { status: "kept" };
  }
  if (write.leave) numbers.forget(write.runId);
  for (let index = 0; index < write.events.length; index++)
    events.add(number, encodeEvent(write.events[index]!, write.nextSeq + index));
  if (write.consumed.length > 0) consumeMessages(db, number, write.consumed);
  for (const run of write.runs) createRun(db, now, run, events);
  return answer;
}

const accepted: WriteAnswer = { status: "accepted" };

type LeaveForm = "goesOn" | "suspended" | "held" | "pending" | "ended";
type Fence = "owned" | "unowned" | "reopened";

/** What each form of leaving adds to the row. */
const leaveColumns: Record<LeaveForm, string> = {
  goesOn: "",
  suspended: ", worker_id = NULL, status = 'suspended', held = 0, wake_at = ?, waiting_for = ?",
  held: ", worker_id = NULL, status = 'suspended', held = 1, wake_at = ?, waiting_for = ?",
  pending: `, worker_id = NULL, status = 'pending', held = 0, wake_at = ?, waiting_for = NULL,
    deadline_at = coalesce(?, deadline_at)`,
  ended: ", worker_id = NULL, status = ?, held = 0, wake_at = NULL, waiting_for = NULL, successor_id = ?",
};

const fences: Record<Fence, string> = {
  owned: "claim = ? AND commit_number = ? AND worker_id IS NOT NULL",
  unowned: `worker_id IS NULL AND status NOT IN ${endedStatuses}`,
  reopened: "worker_id IS NULL",
};

/** Made once: putting such a text together costs a write as much as looking its statement up ten times. */
export const moveTexts = Object.fromEntries(
  (Object.keys(leaveColumns) as LeaveForm[]).flatMap((form) =>
    (Object.keys(fences) as Fence[]).map((fence) => [`${form} ${fence}`, moveText(form, fence)] as const),
  ),
) as Record<`${LeaveForm} ${Fence}`, string>;

function moveText(form: LeaveForm, fence: Fence): string {
  // Parking is refused when a message came that was not read.
  const inbox = form === "suspended" ? " AND inbox_seq <= ?" : "";
  return `
    UPDATE runs SET next_seq = ?, commit_number = commit_number + ?, crash_count = crash_count * ?, updated_at = ?
      ${leaveColumns[form]}
    WHERE number = ? AND next_seq = ? AND ${fences[fence]}${inbox}`;
}

/** Writes the run's row if the fence holds, and answers whether it did. `leave` null keeps it where it is. */
function moveRow(db: Connection, now: number, number: number, write: RunWrite, leave: Leave | null): boolean {
  const values: SqlValue[] = [
    write.nextSeq + write.events.length,
    write.claim === null ? 0 : 1,
    // Also when the leave was refused: something was recorded.
    write.progress || write.leave ? 0 : 1,
    now,
  ];
  const form = leave ? pushLeave(leave, now, values) : "goesOn";
  values.push(number, write.nextSeq);
  let fence: Fence = "owned";
  if (write.claim !== null) values.push(write.claim, write.commitNumber - 1);
  else fence = reopensRun(write) ? "reopened" : "unowned";
  if (leave?.status === "suspended") values.push(leave.readInboxSeq);
  return db.run(moveTexts[`${form} ${fence}`], ...values).changes === 1;
}

/** The values of `leaveColumns`. */
function pushLeave(leave: Leave, now: number, values: SqlValue[]): LeaveForm {
  switch (leave.status) {
    case "suspended":
      values.push(leave.wakeAt, leave.waitingFor && JSON.stringify(leave.waitingFor));
      return "suspended";
    case "held":
      values.push(now + leave.wakeAfterMs, JSON.stringify(leave.waitingFor));
      return "held";
    case "pending":
      values.push(now, leave.deadlineAfterMs === null ? null : now + leave.deadlineAfterMs);
      return "pending";
    default:
      values.push(leave.status, leave.successorId);
      return "ended";
  }
}

/** The only write that an ended run takes. */
function reopensRun(write: RunWrite): boolean {
  return write.leave?.status === "pending" && write.events.some((event) => event.type === "run.rewound");
}

type FenceRow = [
  status: RunStatus,
  claim: string | null,
  workerId: string | null,
  nextSeq: number,
  commitNumber: number,
];

/** Why the fence did not let a write through, or its first answer when it is a repeat. */
function explainRefusal(db: Connection, now: number, write: RunWrite): WriteAnswer | "inbox moved" {
  const row = db.row<FenceRow>(
    "SELECT status, claim, worker_id, next_seq, commit_number FROM runs WHERE id = ?",
    write.runId,
  );
  const refusal = row ? judge(row, write) : stale;
  if (refusal) return refusal;
  if (write.notBefore !== null && write.notBefore > now) {
    return {
      status: "rejected",
      reason: "not-due",
      message: `Run "${write.runId}" wrote what is due at ${write.notBefore}, and it is ${now}.`,
    };
  }
  return "inbox moved";
}

const stale: WriteAnswer = { status: "stale", mine: false };

function judge(
  [status, claim, workerId, nextSeq, commitNumber]: FenceRow,
  write: RunWrite,
): WriteAnswer | undefined {
  if (write.claim === null) {
    const isOpen = !isEnded(status) || reopensRun(write);
    return workerId === null && nextSeq === write.nextSeq && isOpen ? undefined : stale;
  }
  if (claim !== write.claim) return stale;
  if (commitNumber === write.commitNumber && nextSeq === write.nextSeq + write.events.length) {
    if (workerId !== null) return write.leave?.status === "suspended" ? { status: "kept" } : accepted;
    // Nobody owns it: because this write left it, or because the claim was freed after it.
    return write.leave ? accepted : stale;
  }
  if (workerId === null) return stale;
  const isNext = nextSeq === write.nextSeq && commitNumber === write.commitNumber - 1;
  return isNext ? undefined : { status: "stale", mine: true };
}
