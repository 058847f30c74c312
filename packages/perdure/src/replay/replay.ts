/**
 * Runs workflow code again over its history, to get back to where it was.
 *
 * R1. Before an event is delivered, the code has asked for exactly the operations that the history has before it, by number,
 *     kind and name. Otherwise the run is held.
 * R2. Between two deliveries the code comes to rest, exactly as it did live.
 * R3. What the code asks for after the last delivery, and history does not have, is new: its worker may have stopped there, or
 *     the code may have been extended. Nothing recorded speaks against it.
 */
import { isDelivery, isRunEnd, type Event } from "../model/event.ts";
import type { Execution, RecordedOperation, Rest } from "./execution.ts";
import { endedEarly, extraOperation, missingOperation, type HeldError } from "./mismatch.ts";

export interface Replayed {
  rest: Rest;
  trouble: HeldError | null;
}

/**
 * @param history what holds of the history, rewound parts left out; `run.created` comes first.
 * @param startedAt the time that the code sees at its begin when it has not run before.
 * @returns a generator that stops whenever the code has to come to rest before it goes on.
 */
export function* replay(
  execution: Execution,
  history: readonly Event[],
  startedAt: number,
): Generator<"rest", Replayed, unknown> {
  const events = history.slice(1).filter((event) => event.type !== "run.resumed");
  const isFresh = events.length === 0;
  if (!isFresh) execution.beginReplay(recordedOperations(events));
  const expected = expectedOperations(events);
  let turn = 0;
  execution.expectOperations(expected[turn]!);
  // The first event after the creation was written in the turn that began the function.
  execution.begin(Math.max(history[0]!.at, events[0]?.at ?? startedAt));
  yield "rest";
  let rest = execution.rest();
  for (const event of events) {
    if (rest.trouble) break;
    const trouble = applyRecorded(execution, event, rest);
    if (trouble) return { rest, trouble };
    if (!isDelivery(event)) continue;
    const early = rest.created.find((operation) => operation.state === "new");
    if (early) {
      const place = early.place ?? "unknown place";
      return { rest, trouble: extraOperation(execution.runId, early.number, early.request, place) };
    }
    execution.expectOperations(expected[++turn]!);
    execution.deliver(event);
    yield "rest";
    rest = execution.rest();
  }
  execution.endReplay();
  return { rest, trouble: rest.trouble };
}

/** Takes note of one event of the past. Answers with what does not fit. */
function applyRecorded(execution: Execution, event: Event, rest: Rest): HeldError | null {
  if (rest.outcome && !isRunEnd(event.type) && event.type !== "step.abandoned") {
    return endedEarly(execution.runId, event.seq, event.type);
  }
  if (!("op" in event)) return null;
  const operation = execution.operations.get(event.op);
  if (!operation) {
    const recorded = describe(event);
    return missingOperation(
      execution.runId,
      event.op,
      recorded ?? { kind: "operation", name: String(event.op) },
    );
  }
  operation.note(event);
  return null;
}

/** For each turn, the number of the last operation that the history has up to its end. */
function expectedOperations(events: readonly Event[]): number[] {
  let last = 0;
  const expected: number[] = [];
  for (const event of events) {
    if (isDelivery(event)) expected.push(last);
    else if ("op" in event) last = Math.max(last, event.op);
  }
  return [...expected, last];
}

function recordedOperations(events: readonly Event[]): Map<number, RecordedOperation> {
  const recorded = new Map<number, RecordedOperation>();
  for (const event of events) {
    const operation = "op" in event && !recorded.has(event.op) ? describe(event) : null;
    if (operation) recorded.set((event as { op: number }).op, operation);
  }
  return recorded;
}

function describe(event: Event): RecordedOperation | null {
  if (event.type === "step.started") return { kind: "step", name: event.name };
  if (event.type === "timer.started") return { kind: "timer", name: event.name };
  return null;
}
