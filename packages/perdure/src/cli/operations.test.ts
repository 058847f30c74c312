import { expect, test } from "vitest";
import type { HistoryEvent } from "../runtime/history-view.ts";
import { failedOperation, readOperations } from "./operations.ts";

const failure = { name: "Error", message: "no money" };
const history: HistoryEvent[] = [
  { seq: 1, at: 0, type: "run.created", workflow: "w", version: "1", attempt: 1 },
  { seq: 2, at: 1, type: "step.started", op: 1, name: "pay", attempt: 1, value: ["o1"] },
  { seq: 3, at: 2, type: "step.failed", op: 1, attempt: 1, retryAt: 10, failure },
  { seq: 4, at: 10, type: "step.started", op: 1, name: "pay", attempt: 2 },
  { seq: 5, at: 12, type: "step.failed", op: 1, attempt: 2, failure },
  { seq: 6, at: 12, type: "run.failed", failure },
];

test("a step that failed has its attempts, its span and its reason", () => {
  const rows = readOperations(history);
  expect(rows).toMatchObject([
    { op: 1, name: "pay", state: "failed", attempts: 2, startedAt: 1, endedAt: 12, failure },
  ]);
  expect(failedOperation(rows, failure)?.name).toBe("pay");
  expect(failedOperation(rows, { name: "Error", message: "another" })).toBeUndefined();
});

test("between two attempts it waits, until when the next is due", () => {
  expect(readOperations(history.slice(0, 3))).toMatchObject([
    { state: "waiting", attempts: 1, endedAt: null, dueAt: 10 },
  ]);
});

test("what a retry took back no longer counts", () => {
  const retried: HistoryEvent[] = [
    ...history,
    { seq: 7, at: 20, type: "run.rewound", to: 4 },
    { seq: 8, at: 21, type: "step.started", op: 1, name: "pay", attempt: 3 },
    { seq: 9, at: 22, type: "step.completed", op: 1, value: "paid" },
  ];
  expect(readOperations(retried)).toMatchObject([{ state: "completed", attempts: 3, result: "paid" }]);
});
