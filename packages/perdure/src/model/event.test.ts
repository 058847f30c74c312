import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PerdureError } from "../errors.ts";
import { decodeEvent, encodeEvent, isDelivery, isRunEnd, type EventType, type NewEvent } from "./event.ts";

const at = fc.maxSafeInteger();
const op = fc.nat();
const text = fc.string({ unit: "grapheme" });
const payload = fc.json();
const nullable = fc.option(payload, { nil: null });
const attempt = fc.integer({ min: 1, max: 100 });

/** One for each type: the compiler tells when a new one is missing. */
const byType: { [Type in EventType]: fc.Arbitrary<Extract<NewEvent, { type: Type }>> } = {
  "run.created": fc.record(
    {
      type: fc.constant("run.created" as const),
      at,
      workflow: text,
      version: text,
      attempt,
      payload,
      predecessorId: text,
      seed: text,
      transient: fc.constant(true as const),
    },
    { requiredKeys: ["type", "at", "workflow", "version", "attempt", "payload"] },
  ),
  "run.resumed": fc.record({ type: fc.constant("run.resumed" as const), at, worker: text }),
  "step.started": fc.record({
    type: fc.constant("step.started" as const),
    at,
    op,
    name: text,
    attempt,
    payload: nullable,
  }),
  "step.completed": fc.record({ type: fc.constant("step.completed" as const), at, op, payload }),
  "step.failed": fc.record(
    { type: fc.constant("step.failed" as const), at, op, attempt, payload, retryAt: fc.nat() },
    { requiredKeys: ["type", "at", "op", "attempt", "payload"] },
  ),
  "step.handed-back": fc.record({ type: fc.constant("step.handed-back" as const), at, op }),
  "step.abandoned": fc.record({ type: fc.constant("step.abandoned" as const), at, op }),
  "timer.started": fc.record({ type: fc.constant("timer.started" as const), at, op, name: text, dueAt: at }),
  "timer.fired": fc.record({ type: fc.constant("timer.fired" as const), at, op, dueAt: at }),
  "message.received": fc.record({
    type: fc.constant("message.received" as const),
    at,
    messageId: text,
    kind: text,
    name: text,
    payload: nullable,
  }),
  "run.completed": fc.record({ type: fc.constant("run.completed" as const), at, payload }),
  "run.failed": fc.record(
    { type: fc.constant("run.failed" as const), at, payload, successorId: text },
    { requiredKeys: ["type", "at", "payload"] },
  ),
  "run.cancelled": fc.record({ type: fc.constant("run.cancelled" as const), at, payload }),
  "run.rewound": fc.record({ type: fc.constant("run.rewound" as const), at, to: fc.nat() }),
};

for (const [type, arbitrary] of Object.entries(byType)) {
  test(`${type} reads back as it was written`, () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<NewEvent>, fc.integer({ min: 1 }), (event, seq) => {
        const decoded = decodeEvent(encodeEvent(event, seq)) as unknown as Record<string, unknown>;
        // Where an event has no payload, null says so.
        const { payload: decodedPayload, ...rest } = decoded;
        const { payload: expectedPayload, ...expected } = { payload: null, ...event } as Record<
          string,
          unknown
        >;
        assert.deepEqual(rest, { ...expected, seq });
        assert.equal(decodedPayload, expectedPayload);
      }),
    );
  });
}

test("a first attempt, which most are, takes no bytes", () => {
  const stored = encodeEvent({ type: "step.started", at: 1, op: 1, name: "s", attempt: 1, payload: null }, 2);
  expect(stored.body).toBeNull();
});

test("a type that this version does not know is HISTORY_TOO_NEW, a body that nobody wrote is HISTORY_UNREADABLE", () => {
  const base = { seq: 3, at: 1, op: 1, name: null, body: null, payload: null };
  for (const type of ["step.teleported", "toString", "__proto__", "constructor", ""]) {
    assert.throws(() => decodeEvent({ ...base, type }), { code: "HISTORY_TOO_NEW", message: /Event 3/ });
  }
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
      try {
        decodeEvent({ ...base, type: "timer.fired", body });
      } catch (error) {
        assert.ok(error instanceof PerdureError && error.code === "HISTORY_UNREADABLE", String(error));
      }
    }),
  );
});

test("what hands something to code, and what ends a run, is told by the event alone", () => {
  const delivering = new Set(["step.completed", "timer.fired", "message.received", "step.failed"]);
  const ending = new Set(["run.completed", "run.failed", "run.cancelled"]);
  fc.assert(
    fc.property(fc.oneof(...(Object.values(byType) as fc.Arbitrary<NewEvent>[])), (event) => {
      const isRetried = event.type === "step.failed" && event.retryAt !== undefined;
      assert.equal(isDelivery(event), delivering.has(event.type) && !isRetried);
      assert.equal(isRunEnd(event.type), ending.has(event.type));
    }),
  );
});
