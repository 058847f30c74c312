/**
 * What every history must look like, at every moment at which the store was read.
 *
 * I1  Numbers have no gap; times do not go back.
 * I2  Begins with its creation; nothing but a rewinding follows an end.
 * I3  The row says what the events say.
 * I4  At most one outcome for each operation, and none before it was asked for.
 * I5  What was there stays as it is.
 * I27 Every run that has not ended has a reason to move.
 */
import { decodeEvent, isRunEnd, type Event, type StoredEvent } from "../../../model/event.ts";
import { effectiveHistory } from "../../../model/history.ts";
import { isEnded, type RunRecord } from "../../../model/run.ts";
import type { Dump, Recording } from "../recording.ts";
import type { OwnershipModel } from "./ownership.ts";
import type { Verdict } from "./verdict.ts";

export function checkHistories(recording: Recording, model: OwnershipModel, verdict: Verdict): void {
  const seen = new Map<string, string[]>();
  for (const dump of recording.dumps) {
    for (const run of dump.runs) {
      const stored = dump.histories.get(run.id) ?? [];
      checkGrowth(run.id, stored, seen, verdict);
      checkReason(run, stored, dump, verdict);
    }
  }
  const last = recording.dumps.at(-1);
  if (!last) return;
  const hasClockSteps = recording.disturbances.some(({ kind }) => kind === "store-clock");
  for (const run of last.runs) {
    const stored = last.histories.get(run.id) ?? [];
    checkOrder(run, stored, hasClockSteps, verdict);
    checkRow(run, stored, verdict);
    checkAccepted(run, stored, model, verdict);
    checkOperations(run.id, stored.map(decodeEvent), verdict);
  }
}

/** I5: by the text of every event that was read before. */
function checkGrowth(
  runId: string,
  stored: StoredEvent[],
  seen: Map<string, string[]>,
  verdict: Verdict,
): void {
  const before = seen.get(runId) ?? [];
  const now = stored.map((event) => JSON.stringify(event));
  verdict.holds(
    "I5",
    before.length <= now.length && before.every((text, index) => text === now[index]),
    () => `the history of ${runId} was changed`,
  );
  seen.set(runId, now);
}

/** I27, and rule 4: a message that nobody has read makes a run due. */
function checkReason(run: RunRecord, stored: StoredEvent[], dump: Dump, verdict: Verdict): void {
  if (isEnded(run.status)) return;
  const isKnownWorker = run.workerId !== null && dump.workers.some(({ id }) => id === run.workerId);
  verdict.holds(
    "I27",
    run.workerId === null ? run.wakeAt !== null : isKnownWorker,
    () =>
      `${run.id} (${run.status}) has ${run.workerId === null ? "no owner and no due time" : "an owner that is not there"}`,
  );
  if (run.workerId !== null) return;
  const received = stored.filter(({ type }) => type === "message.received").length;
  if (run.inboxSeq > received && !run.held) {
    verdict.holds(
      "I27",
      run.wakeAt !== null && run.wakeAt <= dump.storeAt,
      () => `${run.id} has a message and is not due`,
    );
  }
  const dueAt = firstDue(stored.map(decodeEvent));
  if (run.status !== "suspended" || run.held || dueAt === null) return;
  verdict.holds(
    "I3",
    run.wakeAt! <= dueAt,
    () => `${run.id} is due at ${run.wakeAt}, and its first timer at ${dueAt}`,
  );
}

/** When the first open timer or back-off is due; null for none. */
function firstDue(events: Event[]): number | null {
  const due = new Map<number, number>();
  for (const event of effectiveHistory(events).events) {
    if (event.type === "timer.started") due.set(event.op, event.dueAt);
    else if (event.type === "step.failed" && event.retryAt !== undefined) due.set(event.op, event.retryAt);
    else if ("op" in event) due.delete(event.op);
  }
  return due.size === 0 ? null : Math.min(...due.values());
}

function checkOrder(run: RunRecord, stored: StoredEvent[], hasClockSteps: boolean, verdict: Verdict): void {
  stored.forEach((event, index) => {
    verdict.holds(
      "I1",
      event.seq === index + 1,
      () => `event ${index + 1} of ${run.id} has the number ${event.seq}`,
    );
    const before = stored[index - 1];
    if (!before) return;
    // Half a per mille of a lease: clocks of two machines.
    verdict.holds(
      "I1",
      event.at >= before.at - 5 || hasClockSteps,
      () => `event ${event.seq} of ${run.id} is ${before.at - event.at} ms before the one before it`,
    );
    verdict.holds(
      "I2",
      event.type !== "run.created" && (!isRunEnd(before.type) || event.type === "run.rewound"),
      () => `${event.type} follows ${before.type} in ${run.id}`,
    );
  });
  verdict.holds("I2", stored[0]?.type === "run.created", () => `${run.id} begins with ${stored[0]?.type}`);
}

const endOf: Record<string, string> = {
  "run.completed": "completed",
  "run.failed": "failed",
  "run.cancelled": "cancelled",
};

function checkRow(run: RunRecord, stored: StoredEvent[], verdict: Verdict): void {
  verdict.holds(
    "I3",
    run.nextSeq === stored.length + 1,
    () => `${run.id} expects ${run.nextSeq} after ${stored.length} events`,
  );
  const end = endOf[stored.at(-1)?.type ?? ""];
  verdict.holds(
    "I3",
    isEnded(run.status) ? run.status === end : end === undefined,
    () => `${run.id} is ${run.status}, and its history says ${end ?? "that it goes on"}`,
  );
  if (!isEnded(run.status)) return;
  verdict.holds(
    "I26",
    run.workerId === null && run.wakeAt === null && !run.held,
    () => `${run.id} has ended and is not left`,
  );
  const { successorId } = decodeEvent(stored.at(-1)!) as { successorId?: string };
  verdict.holds(
    "I3",
    (successorId ?? null) === run.successorId,
    () => `${run.id} names ${run.successorId} as its successor`,
  );
}

/** I3, I15: the history is what was accepted, and in that order. */
function checkAccepted(run: RunRecord, stored: StoredEvent[], model: OwnershipModel, verdict: Verdict): void {
  const accepted = model.runs.get(run.id);
  const text = (event: { type: string; at: number }): string =>
    JSON.stringify(
      ["op", "attempt", "messageId", "dueAt", "retryAt", "to"]
        .map((field) => (event as Record<string, unknown>)[field] ?? null)
        .concat(event.type, event.at),
    );
  verdict.holds(
    "I15",
    accepted !== undefined &&
      accepted.events.length === stored.length - 1 &&
      accepted.events.every(({ event }, index) => text(event) === text(decodeEvent(stored[index + 1]!))),
    () => `the history of ${run.id} is not what was accepted of its owners`,
  );
  if (!accepted) return;
  const order = accepted.events.flatMap(({ claim }) =>
    claim === null ? [] : [accepted.claims.indexOf(claim)],
  );
  verdict.holds(
    "I15",
    order.every((place, index) => place >= 0 && (index === 0 || place >= order[index - 1]!)),
    () => `claims of ${run.id} wrote in turns`,
  );
}

function checkOperations(runId: string, events: Event[], verdict: Verdict): void {
  const open = new Set<number>();
  const settled = new Set<number>();
  const started = new Set<string>();
  const attempts = new Map<number, number>();
  const messages = new Set<string>();
  const isTransient = events[0]?.type === "run.created" && events[0].transient === true;
  for (const event of events) {
    if (event.type === "message.received") {
      verdict.holds(
        "I20",
        !messages.has(event.messageId),
        () => `message ${event.messageId} is twice in ${runId}`,
      );
      messages.add(event.messageId);
    }
  }
  if (isTransient) return;
  for (const event of effectiveHistory(events).events) {
    if (!("op" in event)) continue;
    const { op } = event;
    const what = (): string => `${event.type} of operation ${op} of ${runId} (event ${event.seq})`;
    switch (event.type) {
      case "timer.started":
        verdict.holds("I4", !open.has(op) && !settled.has(op), what);
        open.add(op);
        break;
      case "step.started":
        verdict.holds("I4", !settled.has(op) && (event.attempt === 1 || open.has(op)), what);
        verdict.holds("I4", !started.has(`${op} ${event.attempt}`), what);
        started.add(`${op} ${event.attempt}`);
        attempts.set(op, event.attempt);
        open.add(op);
        break;
      default: {
        verdict.holds("I4", open.has(op) && !settled.has(op), what);
        const goesOn =
          event.type === "step.handed-back" || (event.type === "step.failed" && event.retryAt !== undefined);
        if (!goesOn) settled.add(op);
        if (event.type === "step.handed-back") started.delete(`${op} ${attempts.get(op)}`);
      }
    }
  }
}
