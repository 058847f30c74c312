/** What a run that is about to be parked waits for, read off its open operations. */
import type { Waiting } from "../model/waiting.ts";
import type { Operation } from "../replay/operation.ts";

export interface Wait {
  wakeAt: number | null;
  waitingFor: Waiting | null;
}

/** When an operation is due by itself; null when it runs, or waits for something else. */
export function dueTime(operation: Operation): number | null {
  if (operation.state !== "open") return null;
  return operation.request.kind === "timer" ? operation.dueAt : operation.retryAt;
}

export function waitOf(operations: Iterable<Operation>, deadlineAt: number | null): Wait {
  let first: Operation | null = null;
  let firstDue = Infinity;
  let count = 0;
  for (const operation of operations) {
    const dueAt = dueTime(operation);
    if (dueAt === null) continue;
    count++;
    if (dueAt < firstDue) {
      first = operation;
      firstDue = dueAt;
    }
  }
  const wakeAt = Math.min(firstDue, deadlineAt ?? Infinity);
  return {
    wakeAt: wakeAt === Infinity ? null : wakeAt,
    waitingFor: first && describe(first, firstDue, count - 1),
  };
}

function describe(operation: Operation, dueAt: number, others: number): Waiting {
  const { request, number: op } = operation;
  if (request.kind === "timer") return { kind: "timer", op, name: request.name, dueAt, others };
  const { maxAttempts } = request.spec.retry;
  return {
    kind: "backoff",
    op,
    step: request.name,
    attempt: operation.attempt + 1,
    maxAttempts: maxAttempts === Infinity ? null : maxAttempts,
    dueAt,
    message: operation.lastFailure ?? "",
    others,
  };
}
