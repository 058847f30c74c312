/**
 * The judgement of one write, and its effect: the only place where a history grows.
 *
 * W1. A write is judged whole before anything of it is written.
 * W2. The fence is compared for equality: claim, next seq, number of the commit (rule 3). Whose lease has expired is not asked: a claim
 *     is lost when it is taken, not before.
 * W3. A repeat is known by what the first one left behind, and writes nothing.
 */
import { encodeEvent } from "../../model/event.ts";
import { isEnded } from "../../model/run.ts";
import type { Leave, RunWrite, WriteAnswer } from "../../store.ts";
import type { RunRow } from "./run-row.ts";
import type { RunTable } from "./run-table.ts";

export function applyWrite(table: RunTable, write: RunWrite, now: number): WriteAnswer {
  const row = table.rows.get(write.runId);
  const refusal = write.claim === null ? judgeUnowned(row, write) : judgeOwned(row, write);
  if (refusal || !row) return refusal ?? { status: "stale", mine: false };
  if (write.notBefore !== null && write.notBefore > now) {
    return {
      status: "rejected",
      reason: "not-due",
      message: `Run "${write.runId}" wrote what is due at ${write.notBefore}, and it is ${now}.`,
    };
  }
  const isKept = write.leave?.status === "suspended" && write.leave.readInboxSeq < row.record.inboxSeq;
  const events = write.events.map((event, index) => encodeEvent(event, write.nextSeq + index));

  for (const event of events) row.events.push(event);
  for (const id of write.consumed) row.unread.delete(id);
  table.change(row, now, (record) => {
    record.nextSeq += events.length;
    if (write.claim !== null) record.commitNumber = write.commitNumber;
    if (write.progress || write.leave) record.crashCount = 0;
    if (write.leave && !isKept) leaveRun(record, write.leave, now);
  });
  for (const run of write.runs) table.create(run, now);
  return { status: isKept ? "kept" : "accepted" };
}

/** What refuses the owner's write, or answers its repeat; undefined when it may be written. */
function judgeOwned(row: RunRow | undefined, write: RunWrite): WriteAnswer | undefined {
  if (!row || row.record.claim !== write.claim) return { status: "stale", mine: false };
  const { workerId, nextSeq, commitNumber } = row.record;
  if (commitNumber === write.commitNumber && nextSeq === write.nextSeq + write.events.length) {
    if (workerId !== null) return { status: write.leave?.status === "suspended" ? "kept" : "accepted" };
    // Nobody owns it: because this write left it, or because the claim was freed after it.
    return write.leave ? { status: "accepted" } : { status: "stale", mine: false };
  }
  if (workerId === null) return { status: "stale", mine: false };
  if (nextSeq !== write.nextSeq || commitNumber + 1 !== write.commitNumber)
    return { status: "stale", mine: true };
  return undefined;
}

function judgeUnowned(row: RunRow | undefined, write: RunWrite): WriteAnswer | undefined {
  const isFree = row?.record.workerId === null && row.record.nextSeq === write.nextSeq;
  const reopens =
    write.leave?.status === "pending" && write.events.some((event) => event.type === "run.rewound");
  if (isFree && (!isEnded(row.record.status) || reopens)) return undefined;
  return { status: "stale", mine: false };
}

function leaveRun(record: RunRow["record"], leave: Leave, now: number): void {
  record.workerId = null;
  record.status = leave.status === "held" ? "suspended" : leave.status;
  record.held = leave.status === "held";
  record.waitingFor = null;
  record.wakeAt = null;
  switch (leave.status) {
    case "suspended":
      record.wakeAt = leave.wakeAt;
      record.waitingFor = leave.waitingFor && { ...leave.waitingFor };
      break;
    case "held":
      record.wakeAt = now + leave.wakeAfterMs;
      record.waitingFor = { ...leave.waitingFor };
      break;
    case "pending":
      record.wakeAt = now;
      if (leave.deadlineAfterMs !== null) record.deadlineAt = now + leave.deadlineAfterMs;
      break;
    default:
      record.successorId = leave.successorId;
  }
}
