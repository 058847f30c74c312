/** A run's history as its operations: a row for each step and timer, as it stands now. */
import { effectiveHistory } from "../model/history.ts";
import type { Event } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import type { HistoryEvent } from "../runtime/history-view.ts";

export type OperationState = "running" | "waiting" | "completed" | "failed" | "abandoned";

export interface OperationRow {
  op: number;
  kind: "step" | "timer";
  name: string;
  state: OperationState;
  /** Begun so far; 0 for timers. */
  attempts: number;
  startedAt: number;
  endedAt: number | null;
  /** When the timer, or the next attempt, is due. */
  dueAt: number | null;
  args?: unknown;
  result?: unknown;
  failure?: Failure;
}

export function readOperations(history: readonly HistoryEvent[]): OperationRow[] {
  const rows = new Map<number, OperationRow>();
  const events = effectiveHistory(history as unknown as Event[]).events as unknown as HistoryEvent[];
  for (const event of events) {
    if (!("op" in event)) continue;
    const row = rows.get(event.op);
    if (event.type === "step.started" || event.type === "timer.started")
      rows.set(event.op, begin(event, row));
    else if (row) change(row, event);
  }
  if (
    events.some(({ type }) => type === "run.completed" || type === "run.failed" || type === "run.cancelled")
  ) {
    for (const row of rows.values()) if (row.endedAt === null) row.state = "abandoned";
  }
  return [...rows.values()];
}

type Started = Extract<HistoryEvent, { type: "step.started" | "timer.started" }>;

function begin(event: Started, earlier: OperationRow | undefined): OperationRow {
  if (event.type === "timer.started") {
    const { op, name, at, dueAt } = event;
    return { op, kind: "timer", name, state: "waiting", attempts: 0, startedAt: at, endedAt: null, dueAt };
  }
  const row = earlier ?? {
    op: event.op,
    kind: "step" as const,
    name: event.name,
    startedAt: event.at,
    ...(event.value !== undefined && { args: event.value }),
  };
  return { ...row, state: "running", attempts: event.attempt, endedAt: null, dueAt: null };
}

function change(row: OperationRow, event: HistoryEvent): void {
  switch (event.type) {
    case "step.completed":
      row.state = "completed";
      row.endedAt = event.at;
      row.result = event.value;
      delete row.failure;
      break;
    case "step.failed":
      row.state = event.retryAt === undefined ? "failed" : "waiting";
      row.endedAt = event.retryAt === undefined ? event.at : null;
      row.dueAt = event.retryAt ?? null;
      if (event.failure) row.failure = event.failure;
      break;
    case "step.handed-back":
      row.state = "waiting";
      break;
    case "step.abandoned":
      row.state = "abandoned";
      row.endedAt = event.at;
      break;
    case "timer.fired":
      row.state = "completed";
      row.endedAt = event.at;
      break;
    default:
      break;
  }
}

/** The step whose failure ended the run, when it was one that did. */
export function failedOperation(
  rows: readonly OperationRow[],
  failure: Failure | undefined,
): OperationRow | undefined {
  return rows.findLast(
    (row) => row.state === "failed" && (!failure || row.failure?.message === failure.message),
  );
}
