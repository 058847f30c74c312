import assert from "node:assert/strict";
import { test } from "vitest";
import type { NewEvent } from "../../packages/perdure/src/model/event.ts";
import { encodePayload } from "../../packages/perdure/src/model/payload.ts";
import type { RunRecord } from "../../packages/perdure/src/model/run.ts";
import type { JournalLine } from "./effect-journal.ts";
import {
  checkEffects,
  checkHistories,
  checkNothingChanged,
  checkOwners,
  checkRecordedFirst,
  checkRows,
  type StoredRun,
} from "./invariants.ts";

/** A checker that finds nothing proves nothing: each violation is made here and must be found. */
const row: RunRecord = {
  id: "r1",
  kind: "workflow",
  queue: "default",
  workflow: "w",
  version: "1",
  status: "completed",
  priority: 0,
  claim: "c.0",
  workerId: null,
  wakeAt: null,
  held: false,
  waitingFor: null,
  nextSeq: 6,
  commitNumber: 2,
  inboxSeq: 0,
  crashCount: 0,
  createdAt: 10,
  updatedAt: 14,
  deadlineAt: null,
  idempotencyKey: null,
  inputHash: null,
  attempt: 1,
  predecessorId: null,
  successorId: null,
  attributes: {},
};
const label = encodePayload(["a"], "args");
const facts: NewEvent[] = [
  { type: "run.created", at: 10, workflow: "w", version: "1", attempt: 1, payload: "null" },
  { type: "step.started", at: 11, op: 1, name: "s", attempt: 1, payload: label },
  { type: "timer.started", at: 11, op: 2, name: "sleep", dueAt: 12 },
  { type: "step.completed", at: 12, op: 1, payload: "1" },
  { type: "run.completed", at: 14, payload: "2" },
];
const effect = { pid: 1, run: "r1", step: "s", label: "a", attempt: 1, key: "r1/1/s", at: 11 };
const lines: JournalLine[] = [
  { pid: 1, what: "registered", worker: "w1" },
  { pid: 1, what: "claimed", run: "r1", claim: "c.0" },
  { pid: 1, what: "started", run: "r1" },
  { pid: 1, what: "committed", run: "r1", claim: "c.0", from: 2, to: 3, completed: [] },
  { ...effect, what: "begin" },
  { ...effect, what: "end", ok: true },
  { pid: 1, what: "committed", run: "r1", claim: "c.0", from: 4, to: 5, completed: [1] },
  { pid: 1, what: "outcome", outcome: { run: "r1", status: "completed", value: 2 } },
];

function state(events: readonly NewEvent[] = facts, changes: Partial<StoredRun["run"]> = {}) {
  const stored = events.map((event, index) => ({ ...event, seq: index + 1 }));
  const payload = (stored.at(-1) as { payload?: string }).payload ?? null;
  return new Map([["r1", { run: { ...row, ...changes }, payload, events: stored }]]);
}

function all(its: Map<string, StoredRun>, journal: readonly JournalLine[]): string[] {
  return [
    ...checkHistories(its),
    ...checkRows(its),
    ...checkRecordedFirst(its, journal),
    ...checkEffects(its, journal, []),
    ...checkOwners(journal),
  ];
}

function without(index: number): NewEvent[] {
  return facts.filter((_, at) => at !== index);
}

test("a run without a fault passes every check", () => {
  assert.deepEqual(all(state(), lines), []);
});

const begin: JournalLine = { ...effect, what: "begin" };
const cases: [
  name: string,
  its: Map<string, StoredRun>,
  journal: readonly JournalLine[],
  expected: RegExp,
][] = [
  ["a missing start", state(without(0)), lines, /does not begin with its start/],
  ["time going back", state([...facts.slice(0, 4), { ...facts[4]!, at: 1 }]), lines, /back in time/],
  [
    "an event after the end",
    state([...facts, { type: "step.handed-back", at: 15, op: 1 }]),
    lines,
    /goes on after its end/,
  ],
  [
    "two outcomes",
    state([...facts.slice(0, 4), facts[3]!, facts[4]!], { nextSeq: 7 }),
    lines,
    /after its outcome/,
  ],
  [
    "an early timer",
    state([...facts.slice(0, 3), { type: "timer.fired", at: 11, op: 2, dueAt: 12 }, ...facts.slice(3)]),
    lines,
    /fired early/,
  ],
  ["a row that lags behind", state(facts, { nextSeq: 5 }), lines, /it says/],
  ["an orphan", state(facts.slice(0, 3), { status: "running" }), lines, /has not ended/],
  ["a lost start", state(), [...lines, { pid: 1, what: "started", run: "r2" }], /is lost: r2/],
  ["an effect before its start", state(without(1)), lines, /was not recorded/],
  ["an effect after its result", state(), [...lines, begin], /ran again/],
  ["one attempt too many", state(), [...lines.slice(0, 5), begin, ...lines.slice(5)], /began 2 times/],
  ["an invented result", state(), lines.filter(({ what }) => what !== "end"), /invented/],
  [
    "a changed key",
    state(),
    [...lines.slice(0, 5), { ...begin, key: "other" }, ...lines.slice(5)],
    /two idempotency keys/,
  ],
  [
    "a shared key",
    state(),
    [...lines.slice(0, 5), { ...begin, label: "b" }, ...lines.slice(5)],
    /one idempotency key/,
  ],
  [
    "two outcomes told",
    state(),
    [...lines, { pid: 2, what: "outcome", outcome: { run: "r1", status: "failed", message: "x" } }],
    /had two outcomes/,
  ],
  [
    "an owner that came back",
    state(),
    [
      { pid: 1, what: "committed", run: "r1", claim: "c.0", from: 2, to: 2, completed: [] },
      { pid: 2, what: "committed", run: "r1", claim: "d.0", from: 3, to: 3, completed: [] },
      { pid: 1, what: "committed", run: "r1", claim: "c.0", from: 4, to: 4, completed: [] },
    ],
    /after another owner/,
  ],
  [
    "two owners",
    state(),
    [
      { pid: 1, what: "committed", run: "r1", claim: "c.0", from: 2, to: 3, completed: [] },
      { pid: 2, what: "committed", run: "r1", claim: "d.0", from: 3, to: 3, completed: [] },
    ],
    /two writes of event 3/,
  ],
];

for (const [name, its, journal, expected] of cases) {
  test(`${name} is found`, () => {
    assert.match(all(its, journal).join("\n"), expected);
  });
}

test("a changed and a lost event are found", () => {
  const later = state([...facts.slice(0, 3), { ...facts[3]!, payload: "9" } as NewEvent]);
  assert.match(checkNothingChanged(state(), later).join("\n"), /event 4 was[^]*event 5 was/);
});
