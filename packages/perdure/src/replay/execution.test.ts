import { expect, test } from "vitest";
import type { NewEvent } from "../model/event.ts";
import { encodeFailure } from "../model/failure.ts";
import { now, random } from "../workflow/deterministic.ts";
import { sleep } from "../workflow/sleep.ts";
import { step } from "../workflow/step.ts";
import { createWorkflowSpec } from "../workflow/workflow-spec.ts";
import { Execution, type Rest } from "./execution.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function execute(code: (input: never) => unknown, input: unknown = null): Execution {
  const spec = createWorkflowSpec("w", {}, code, "here");
  return new Execution({ runId: "r1", spec, input, seed: "seed" });
}

async function begin(execution: Execution, at = 100): Promise<Rest> {
  execution.begin(at);
  await turn();
  return execution.rest();
}

async function deliver(execution: Execution, event: NewEvent): Promise<Rest> {
  execution.deliver(event);
  await turn();
  return execution.rest();
}

const done = (op: number, value: unknown, at = 200): NewEvent => ({
  type: "step.completed",
  at,
  op,
  payload: JSON.stringify(value),
});
const s = (name: string): Promise<unknown> => step.run(name, () => name);

test("operations are numbered in call order, over all branches", async () => {
  const execution = execute(async () => {
    const branch = async (name: string): Promise<void> => {
      await s(`${name}1`);
      await s(`${name}2`);
    };
    await Promise.all([branch("a"), branch("b"), sleep("1s")]);
  });
  const first = await begin(execution);
  expect(first.created.map(({ number, request }) => `${number} ${request.name}`)).toEqual([
    "1 a1",
    "2 b1",
    "3 sleep",
  ]);
  expect(
    (await deliver(execution, done(2, 1))).created.map(({ number, request }) => `${number} ${request.name}`),
  ).toEqual(["4 b2"]);
  expect(
    (await deliver(execution, done(1, 1))).created.map(({ number, request }) => `${number} ${request.name}`),
  ).toEqual(["5 a2"]);
});

test("a result is handed over once, and its operation is then forgotten", async () => {
  const seen: unknown[] = [];
  const execution = execute(async () => {
    seen.push(await s("a"));
    seen.push(await s("b"));
    return seen;
  });
  await begin(execution);
  await deliver(execution, done(1, "first"));
  await deliver(execution, done(1, "again"));
  expect(seen).toEqual(["first"]);
  expect([...execution.operations.keys()]).toEqual([2]);
  const { outcome } = await deliver(execution, done(2, "second"));
  expect(outcome).toEqual({ status: "returned", value: ["first", "second"] });
  expect(execution.operations.size).toBe(0);
});

test("a failure is thrown where it was awaited", async () => {
  const execution = execute(async () => {
    try {
      await s("a");
    } catch (error) {
      return (error as Error).message;
    }
    return null;
  });
  await begin(execution);
  const failed: NewEvent = {
    type: "step.failed",
    at: 200,
    op: 1,
    attempt: 1,
    payload: encodeFailure(new Error("no")),
  };
  expect((await deliver(execution, failed)).outcome).toEqual({ status: "returned", value: "no" });
});

test("time is that of the last delivery, stands still between two, and never goes back", async () => {
  const seen: number[] = [];
  const execution = execute(async () => {
    seen.push(now(), now());
    await s("a");
    seen.push(now());
    await s("b");
    seen.push(now());
  });
  await begin(execution, 100);
  await deliver(execution, done(1, 1, 300));
  await deliver(execution, done(2, 1, 250));
  expect(seen).toEqual([100, 100, 300, 300]);
});

test("chance is the run's own", async () => {
  const draw = (): Promise<unknown> =>
    begin(execute(() => [random(), random()])).then(({ outcome }) => outcome);
  expect(await draw()).toEqual(await draw());
});

test("code that throws at once, or returns no promise, ends in its first turn", async () => {
  const error = new Error("at once");
  const thrower = execute(() => {
    throw error;
  });
  expect((await begin(thrower)).outcome).toEqual({ status: "threw", error });
  expect((await begin(execute(() => 5))).outcome).toEqual({ status: "returned", value: 5 });
});

test("an operation outside of a turn is FOREIGN_AWAIT, is told at once, and nothing after it begins", async () => {
  let wake = (): void => undefined;
  const execution = execute(async () => {
    await new Promise<void>((resolve) => (wake = resolve));
    await s("late");
  });
  let told = 0;
  execution.onTrouble = () => told++;
  expect((await begin(execution)).trouble).toBeNull();
  wake();
  await turn();
  expect(told).toBe(1);
  expect(execution.trouble).toMatchObject({ code: "FOREIGN_AWAIT", attempted: 'step "late"' });
  expect(execution.trouble!.message).toMatch(/execution\.test\.ts:\d+:\d+/);
  expect(execution.rest().created).toEqual([]);
});

test("an end outside of a turn is FOREIGN_AWAIT too", async () => {
  let wake = (): void => undefined;
  const execution = execute(() => new Promise<void>((resolve) => (wake = resolve)));
  await begin(execution);
  wake();
  await turn();
  expect(execution.trouble?.code).toBe("FOREIGN_AWAIT");
  expect(execution.rest().outcome).toBeNull();
});

test("after it was dropped nothing settles, nothing is asked for, and no end is noted", async () => {
  const seen: string[] = [];
  const execution = execute(async () => {
    await s("a");
    seen.push("woken");
    await s("b");
  });
  await begin(execution);
  execution.drop();
  const { created, outcome } = await deliver(execution, done(1, 1));
  expect([created, outcome, seen]).toEqual([[], null, []]);
  expect(execution.isDropped).toBe(true);
});

test("after its end, what is left of the code asks for nothing more", async () => {
  const execution = execute(async () => {
    void s("left").then(() => s("too late"));
    return "ended";
  });
  const first = await begin(execution);
  expect(first.outcome).toEqual({ status: "returned", value: "ended" });
  expect((await deliver(execution, done(1, 1))).created).toEqual([]);
  expect(execution.trouble).toBeNull();
});

test("two executions that interleave keep their own context", async () => {
  const code = async (input: unknown): Promise<unknown> => {
    await s(`${String(input)}1`);
    return s(`${String(input)}2`);
  };
  const [a, b] = [execute(code, "a"), execute(code, "b")];
  await begin(a);
  await begin(b);
  expect((await deliver(a, done(1, 1))).created.map(({ request }) => request.name)).toEqual(["a2"]);
  expect((await deliver(b, done(1, 1))).created.map(({ request }) => request.name)).toEqual(["b2"]);
});
