/** The owner's writes: the fence, repeats, and batches. */
import assert from "node:assert/strict";
import { encodeEvent, type NewEvent } from "../../model/event.ts";
import {
  completed,
  leaseMs,
  newMessage,
  newRun,
  parked,
  runCompleted,
  stepCompleted,
  stepStarted,
  writeOf,
  type SceneCase,
} from "./store-scene.ts";

const everyEvent: NewEvent[] = [
  { type: "run.resumed", at: 1, worker: "w" },
  { type: "step.started", at: 2, op: 0, name: "s", attempt: 2, payload: null },
  { type: "step.completed", at: 3, op: 0, payload: "1" },
  { type: "step.failed", at: 4, op: 1, attempt: 2, retryAt: 99, payload: "{}" },
  { type: "step.abandoned", at: 5, op: 2 },
  { type: "timer.started", at: 6, op: 3, name: "nap", dueAt: 9_007_199_254_740_991 },
  { type: "timer.fired", at: 7, op: 3, dueAt: 5 },
  { type: "message.received", at: 8, messageId: "m", kind: "terminate", name: "", payload: null },
  { type: "run.rewound", at: 9, to: 1 },
  { type: "run.failed", at: 10, successorId: "x", payload: "{}" },
  { type: "run.cancelled", at: 11, payload: "{}" },
  { type: "run.completed", at: 12, payload: "null" },
];

export const commitCases: readonly SceneCase[] = [
  {
    name: "an accepted write appends its events and moves the fence",
    async check(scene) {
      const claimed = await scene.owned();
      const events = [stepStarted(), stepCompleted()];
      const { now, answers } = await scene.store.commit([writeOf(claimed, { events })]);
      assert.deepEqual(answers, [{ status: "accepted" }]);
      assert.deepEqual(await scene.record(), {
        ...claimed.run,
        nextSeq: 4,
        commitNumber: 1,
        updatedAt: now,
      });
      assert.deepEqual(
        await scene.store.history({ runId: "r1", afterSeq: 1, limit: 10 }),
        events.map((event, index) => encodeEvent(event, index + 2)),
      );
    },
  },
  {
    name: "events of every type come back as they were encoded",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { events: everyEvent }));
      assert.deepEqual(
        await scene.store.history({ runId: "r1", afterSeq: 1, limit: 100 }),
        everyEvent.map((event, index) => encodeEvent(event, index + 2)),
      );
    },
  },
  {
    name: "a write without events is accepted and counted",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed));
      await scene.accept(writeOf(claimed, { commitNumber: 2 }));
      assert.equal((await scene.record()).commitNumber, 2);
    },
  },
  {
    name: "writes under one claim follow each other",
    async check(scene) {
      const claimed = await scene.owned();
      for (let number = 1; number <= 20; number++) {
        await scene.accept(
          writeOf(claimed, { nextSeq: number + 1, commitNumber: number, events: [stepStarted(number)] }),
        );
      }
      assert.equal((await scene.historyTypes()).length, 21);
    },
  },
  ...[
    { name: "an earlier seq", nextSeq: 2, commitNumber: 2 },
    { name: "a later seq", nextSeq: 4, commitNumber: 2 },
    { name: "a later number", nextSeq: 3, commitNumber: 3 },
    { name: "an earlier number", nextSeq: 3, commitNumber: 0 },
    { name: "the last number and other events", nextSeq: 3, commitNumber: 1 },
  ].map(({ name, nextSeq, commitNumber }): SceneCase => ({
    name: `a write with ${name} is stale, and the claim still one's own`,
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [stepStarted()] }));
      const before = await scene.record();
      const answer = await scene.commit(
        writeOf(claimed, { nextSeq, commitNumber, events: [stepCompleted()] }),
      );
      // A repeat is known by its end: the same number, and the same seq after it.
      if (nextSeq === 2) assert.equal(commitNumber, 2);
      assert.deepEqual(answer, { status: "stale", mine: true });
      assert.deepEqual(await scene.record(), before);
      assert.equal((await scene.historyTypes()).length, 2);
    },
  })),
  {
    name: "a write of a run that does not exist is stale",
    async check(scene) {
      const claimed = await scene.owned();
      assert.deepEqual(await scene.commit(writeOf(claimed, { runId: "nobody" })), {
        status: "stale",
        mine: false,
      });
    },
  },
  {
    name: "a repeat of an accepted write is accepted and written once",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      const write = writeOf(claimed, {
        events: [stepStarted()],
        consumed: ["m1"],
        runs: [newRun("child")],
      });
      await scene.accept(write);
      const before = await scene.record();
      await scene.accept(write);
      assert.deepEqual(await scene.record(), before);
      assert.equal((await scene.historyTypes()).length, 2);
      assert.equal((await scene.store.runs({ limit: 10 })).items.length, 2);
    },
  },
  {
    name: "a repeat of a kept write is kept",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      const write = writeOf(claimed, { events: [stepStarted()], leave: parked() });
      assert.deepEqual(await scene.commit(write), { status: "kept" });
      assert.deepEqual(await scene.commit(write), { status: "kept" });
      assert.equal((await scene.historyTypes()).length, 2);
      assert.equal((await scene.record()).workerId, "w1");
    },
  },
  {
    name: "a repeat of the write that parked is accepted, though a message came since",
    async check(scene) {
      const write = writeOf(await scene.owned(), { events: [stepStarted()], leave: parked() });
      await scene.accept(write);
      await scene.accept(write);
      await scene.store.deliver([newMessage("r1", "m1")]);
      const before = await scene.record();
      await scene.accept(write);
      assert.deepEqual(await scene.record(), before);
      assert.notEqual(before.wakeAt, null);
    },
  },
  {
    name: "a repeat of the write that ended the run is accepted",
    async check(scene) {
      const write = writeOf(await scene.owned(), { events: [runCompleted], leave: completed });
      await scene.accept(write);
      const before = await scene.record();
      await scene.accept(write);
      assert.deepEqual(await scene.record(), before);
    },
  },
  {
    name: "a repeat after the run was claimed again is stale",
    async check(scene) {
      const write = writeOf(await scene.owned(), { events: [stepStarted()], leave: parked({ wakeAt: 1 }) });
      await scene.accept(write);
      await scene.take();
      assert.deepEqual(await scene.commit(write), { status: "stale", mine: false });
    },
  },
  {
    name: "a repeat of a write that did not leave is stale once the claim was freed",
    async check(scene) {
      const claimed = await scene.owned();
      const write = writeOf(claimed, { events: [stepStarted()] });
      await scene.accept(write);
      await scene.store.release([{ runId: "r1", claim: claimed.run.claim! }]);
      assert.deepEqual(await scene.commit(write), { status: "stale", mine: false });
      assert.equal((await scene.historyTypes()).length, 2);
    },
  },
  {
    name: "a repeat is answered before its due time is looked at",
    needs: "advance",
    async check(scene) {
      const claimed = await scene.owned();
      const write = writeOf(claimed, { events: [stepStarted()], notBefore: claimed.now });
      await scene.accept(write);
      await scene.advance(-1000);
      await scene.accept(write);
    },
  },
  {
    name: "a write is refused before its due time, and accepted at it",
    needs: "advance",
    async check(scene) {
      const claimed = await scene.owned();
      const write = writeOf(claimed, {
        events: [{ type: "timer.fired", at: 1, op: 0, dueAt: 1 }],
        notBefore: claimed.now + 100,
        runs: [newRun("child")],
      });
      await scene.advance(99);
      const answer = await scene.commit(write);
      assert.ok(answer.status === "rejected");
      assert.equal(answer.reason, "not-due");
      assert.notEqual(answer.message, "");
      assert.deepEqual(await scene.record(), claimed.run);
      assert.equal(await scene.store.run("child"), undefined);
      await scene.advance(1);
      await scene.accept(write);
    },
  },
  {
    name: "a write that is stale and not due is stale",
    async check(scene) {
      const claimed = await scene.owned();
      const write = writeOf(claimed, { nextSeq: 7, notBefore: claimed.now + leaseMs });
      assert.deepEqual(await scene.commit(write), { status: "stale", mine: true });
    },
  },
  {
    name: "a refused write of a batch harms no other",
    async check(scene) {
      await scene.register();
      for (const id of ["a", "b", "c", "d"]) await scene.create(id);
      const { runs } = await scene.claim();
      const { answers } = await scene.store.commit([
        writeOf(runs[0]!, { events: [stepStarted()] }),
        writeOf(runs[1]!, { events: [stepStarted()], nextSeq: 5 }),
        writeOf(runs[2]!, { events: [stepStarted()], notBefore: runs[2]!.now + leaseMs }),
        writeOf(runs[3]!, { events: [runCompleted], leave: completed }),
      ]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        ["accepted", "stale", "rejected", "accepted"],
      );
      assert.equal((await scene.historyTypes("a")).length, 2);
      assert.equal((await scene.historyTypes("b")).length, 1);
      assert.equal((await scene.historyTypes("c")).length, 1);
      assert.equal((await scene.record("d")).status, "completed");
    },
  },
  {
    name: "answers stand in the order of the writes, whatever the order of the ids",
    async check(scene) {
      await scene.register();
      for (const id of ["a", "b", "c"]) await scene.create(id);
      const { runs } = await scene.claim();
      await scene.store.deliver([newMessage("b", "m")]);
      const { answers } = await scene.store.commit([
        writeOf(runs[2]!, { nextSeq: 9 }),
        writeOf(runs[1]!, { leave: parked() }),
        writeOf(runs[0]!, { leave: parked() }),
      ]);
      assert.deepEqual(answers, [
        { status: "stale", mine: true },
        { status: "kept" },
        { status: "accepted" },
      ]);
    },
  },
  {
    name: "a run that two writes of a batch create is created by the first",
    async check(scene) {
      await scene.register();
      for (const id of ["a", "b"]) await scene.create(id);
      const { runs } = await scene.claim();
      await scene.store.commit([
        writeOf(runs[0]!, { runs: [newRun("x", { idempotencyKey: "k", priority: 1 })] }),
        writeOf(runs[1]!, { runs: [newRun("x", { priority: 2 }), newRun("y", { idempotencyKey: "k" })] }),
      ]);
      assert.equal((await scene.record("x")).priority, 1);
      assert.equal(await scene.store.run("y"), undefined);
    },
  },
  {
    name: "progress resets the crash count, and a write without it does not",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [stepStarted()] }));
      assert.equal((await scene.record()).crashCount, 1);
      await scene.accept(
        writeOf(claimed, { nextSeq: 3, commitNumber: 2, events: [stepCompleted()], progress: true }),
      );
      assert.equal((await scene.record()).crashCount, 0);
    },
  },
  {
    name: "an expired worker that nobody has swept may still commit",
    needs: "advance",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.advance(leaseMs * 3);
      await scene.accept(writeOf(claimed, { events: [stepStarted()] }));
      await scene.store.expire(10);
      const answer = await scene.commit(
        writeOf(claimed, { nextSeq: 3, commitNumber: 2, events: [stepCompleted()] }),
      );
      assert.deepEqual(answer, { status: "stale", mine: false });
    },
  },
  {
    name: "a thousand events in one write come back in order",
    async check(scene) {
      const events = Array.from({ length: 1000 }, (_, op) => stepStarted(op));
      await scene.accept(writeOf(await scene.owned(), { events }));
      const history = await scene.store.history({ runId: "r1", afterSeq: 1, limit: 5000 });
      assert.deepEqual(
        history.map(({ op }) => op),
        events.map((_, op) => op),
      );
    },
  },
];
