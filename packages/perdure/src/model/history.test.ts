import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isDelivery, type Event } from "./event.ts";
import { effectiveHistory, retryPoint } from "./history.ts";

/** Histories as a store could have them: each event is numbered, and a rewinding names an earlier one. */
const history: fc.Arbitrary<Event[]> = fc
  .array(
    fc.tuple(
      fc.constantFrom("step.started", "step.completed", "step.failed", "timer.fired", "run.rewound"),
      fc.nat({ max: 3 }),
      fc.nat(),
    ),
    { maxLength: 30 },
  )
  .map((parts) => {
    const events: Event[] = [
      { type: "run.created", seq: 1, at: 0, workflow: "w", version: "1", attempt: 1, payload: "null" },
    ];
    for (const [type, op, choice] of parts) {
      const seq = events.length + 1;
      const at = seq;
      if (type === "step.started")
        events.push({ type, seq, at, op, name: "s", attempt: (choice % 5) + 1, payload: null });
      else if (type === "step.completed") events.push({ type, seq, at, op, payload: "1" });
      else if (type === "step.failed")
        events.push({
          type,
          seq,
          at,
          op,
          attempt: 1,
          payload: "{}",
          ...(choice % 2 === 0 && { retryAt: 9 }),
        });
      else if (type === "timer.fired") events.push({ type, seq, at, op, dueAt: 1 });
      else events.push({ type: "run.rewound", seq, at, to: (choice % events.length) + 1 });
    }
    return events;
  });

/** The same, said the slow way: for each rewinding, everything behind its mark is struck out. */
function naive(events: readonly Event[]): Event[] {
  let kept: Event[] = [];
  for (const event of events) {
    kept = event.type === "run.rewound" ? kept.filter(({ seq }) => seq <= event.to) : [...kept, event];
  }
  return kept;
}

test("what holds of a history is what no rewinding has struck out, also when one strikes another's ground", () => {
  fc.assert(
    fc.property(history, (events) => {
      const effective = effectiveHistory(events);
      assert.deepEqual(effective.events, naive(events));
      assert.equal(effective.isRewound, events.at(-1)!.type === "run.rewound");
      assert.equal(effective.events[0]!.type, "run.created");
    }),
    { numRuns: 500 },
  );
});

test("a history is not changed by being read", () => {
  fc.assert(
    fc.property(history, (events) => {
      const before = structuredClone(events);
      effectiveHistory(events);
      retryPoint(events);
      assert.deepEqual(events, before);
    }),
  );
});

test("a rewinding forgives each step the attempts that it still has", () => {
  fc.assert(
    fc.property(history, (events) => {
      const last = events.findLastIndex(({ type }) => type === "run.rewound");
      const { forgiven } = effectiveHistory(events);
      const expected = new Map<number, number>();
      if (last >= 0) {
        for (const event of naive(events.slice(0, last + 1))) {
          if (event.type === "step.started") expected.set(event.op, event.attempt);
        }
      }
      assert.deepEqual(forgiven, expected);
    }),
  );
});

test("a retry goes back before the outcome of the step that failed last, unless something was recorded after it", () => {
  fc.assert(
    fc.property(history, (events) => {
      const point = retryPoint(events);
      const effective = naive(events);
      const failed = effective.findLast(
        (event) => event.type === "step.failed" && event.retryAt === undefined,
      );
      assert.ok(point >= 1 && point <= events.length);
      const isLast = failed && !effective.some((event) => event.seq > failed.seq && isDelivery(event));
      const after = naive([...events, { type: "run.rewound", seq: events.length + 1, at: 0, to: point }]);
      if (isLast) assert.equal(point, failed.seq - 1);
      // No result that was recorded is given up.
      for (const event of effective) {
        if (isDelivery(event) && event !== (isLast ? failed : null)) assert.ok(after.includes(event));
      }
    }),
  );
});

test("a run that failed without a failed step is retried before its end, and what was abandoned runs again", () => {
  const created: Event = {
    type: "run.created",
    seq: 1,
    at: 0,
    workflow: "w",
    version: "1",
    attempt: 1,
    payload: "1",
  };
  const started: Event = { type: "step.started", seq: 2, at: 0, op: 1, name: "s", attempt: 1, payload: null };
  const abandoned: Event = { type: "step.abandoned", seq: 3, at: 0, op: 1 };
  const failed = (seq: number): Event => ({ type: "run.failed", seq, at: 0, payload: "{}" });
  expect(retryPoint([created, failed(2)])).toBe(1);
  expect(retryPoint([created, started, failed(3)])).toBe(2);
  expect(retryPoint([created, started, abandoned, failed(4)])).toBe(2);
});
