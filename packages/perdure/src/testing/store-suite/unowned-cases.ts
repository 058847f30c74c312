/** Writes to runs that nobody owns: terminate and retry need no worker. */
import assert from "node:assert/strict";
import type { NewEvent } from "../../model/event.ts";
import type { Leave } from "../../store.ts";
import {
  completed,
  leaseMs,
  newMessage,
  newRun,
  parked,
  runCancelled,
  runCompleted,
  stepStarted,
  unownedWriteOf,
  writeOf,
  type SceneCase,
} from "./store-scene.ts";

const rewound: NewEvent = { type: "run.rewound", at: 9, to: 1 };
const cancelled: Leave = { status: "cancelled", successorId: null };
const again: Leave = { status: "pending", deadlineAfterMs: null };

export const unownedCases: readonly SceneCase[] = [
  {
    name: "a pending run is ended without a worker",
    async check(scene) {
      await scene.create("r1");
      const before = await scene.record();
      const { now, answers } = await scene.store.commit([
        unownedWriteOf(before, { events: [runCancelled], leave: cancelled }),
      ]);
      assert.deepEqual(answers, [{ status: "accepted" }]);
      assert.deepEqual(await scene.record(), {
        ...before,
        status: "cancelled",
        wakeAt: null,
        nextSeq: 3,
        updatedAt: now,
      });
      assert.equal((await scene.store.run("r1"))?.payload, '"stop"');
      await scene.register();
      assert.deepEqual((await scene.claim()).runs, []);
    },
  },
  {
    name: "a parked run is ended without a worker, and keeps its last claim and number",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { leave: parked() }));
      await scene.accept(unownedWriteOf(await scene.record(), { events: [runCancelled], leave: cancelled }));
      const record = await scene.record();
      assert.deepEqual(
        [record.status, record.claim, record.commitNumber],
        ["cancelled", claimed.run.claim, 1],
      );
    },
  },
  {
    name: "a write without leave gives the run back as it was",
    async check(scene) {
      await scene.create("r1", { startAfterMs: leaseMs });
      const before = await scene.record();
      await scene.accept(unownedWriteOf(before, { events: [stepStarted()] }));
      const after = await scene.record();
      assert.deepEqual(after, { ...before, nextSeq: 3, updatedAt: after.updatedAt });
    },
  },
  {
    name: "an owned run is not written without its claim",
    async check(scene) {
      const { run } = await scene.owned();
      const write = unownedWriteOf(run, { events: [runCancelled], leave: cancelled });
      assert.deepEqual(await scene.commit(write), { status: "stale", mine: false });
      assert.deepEqual(await scene.record(), run);
    },
  },
  {
    name: "another seq than the next is refused",
    async check(scene) {
      await scene.create("r1");
      const run = await scene.record();
      for (const nextSeq of [1, 3]) {
        const write = unownedWriteOf(run, { nextSeq, events: [runCancelled], leave: cancelled });
        assert.deepEqual(await scene.commit(write), { status: "stale", mine: false });
      }
      assert.deepEqual(await scene.record(), run);
    },
  },
  {
    name: "a run that does not exist is stale",
    async check(scene) {
      await scene.create("r1");
      const write = unownedWriteOf(await scene.record(), { runId: "nobody" });
      assert.deepEqual(await scene.commit(write), { status: "stale", mine: false });
    },
  },
  {
    name: "a repeat of a write without a claim is stale and writes nothing",
    async check(scene) {
      await scene.create("r1");
      const write = unownedWriteOf(await scene.record(), { events: [runCancelled], leave: cancelled });
      await scene.accept(write);
      assert.deepEqual(await scene.commit(write), { status: "stale", mine: false });
      assert.equal((await scene.historyTypes()).length, 2);
    },
  },
  {
    name: "a run that has ended goes on from a rewind, and is due now",
    async check(scene) {
      const claimed = await scene.owned({ deadlineAt: 5 });
      await scene.accept(
        writeOf(claimed, {
          events: [stepStarted(), runCompleted],
          leave: { status: "failed", successorId: null },
        }),
      );
      const before = await scene.record();
      const { now, answers } = await scene.store.commit([
        unownedWriteOf(before, { events: [rewound], leave: { status: "pending", deadlineAfterMs: 100 } }),
      ]);
      assert.deepEqual(answers, [{ status: "accepted" }]);
      assert.deepEqual(await scene.record(), {
        ...before,
        status: "pending",
        wakeAt: now,
        nextSeq: 5,
        deadlineAt: now + 100,
        updatedAt: now,
      });
      assert.equal((await scene.store.run("r1"))?.payload, null);
      assert.equal((await scene.take()).events.length, 4);
    },
  },
  {
    name: "a run that has ended is changed by nothing else",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { events: [runCompleted], leave: completed }));
      const before = await scene.record();
      const attempts: { events: NewEvent[]; leave: Leave | null }[] = [
        { events: [stepStarted()], leave: null },
        { events: [], leave: null },
        { events: [], leave: again },
        { events: [stepStarted()], leave: again },
        { events: [rewound], leave: null },
        { events: [rewound], leave: parked() },
        { events: [rewound, runCancelled], leave: cancelled },
      ];
      for (const attempt of attempts) {
        const write = unownedWriteOf(before, { ...attempt, runs: [newRun("child")] });
        assert.deepEqual(await scene.commit(write), { status: "stale", mine: false });
      }
      assert.deepEqual(await scene.record(), before);
      assert.equal(await scene.store.run("child"), undefined);
    },
  },
  {
    name: "a retried run knows the messages of before and takes new ones",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.accept(writeOf(claimed, { events: [runCompleted], consumed: ["m1"], leave: completed }));
      await scene.accept(unownedWriteOf(await scene.record(), { events: [rewound], leave: again }));
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1"), newMessage("r1", "m2")]), [
        "repeated",
        "delivered",
      ]);
      const { messages } = await scene.take();
      assert.deepEqual(
        messages.map(({ id, seq }) => [id, seq]),
        [["m2", 2]],
      );
    },
  },
  {
    name: "an owner's repeat is stale after somebody wrote without a claim",
    async check(scene) {
      const write = writeOf(await scene.owned(), { events: [stepStarted()], leave: parked() });
      await scene.accept(write);
      await scene.accept(unownedWriteOf(await scene.record(), { events: [runCancelled], leave: cancelled }));
      assert.deepEqual(await scene.commit(write), { status: "stale", mine: false });
    },
  },
  {
    name: "owned and unowned writes share a batch",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.create("r2");
      const { answers } = await scene.store.commit([
        unownedWriteOf(await scene.record("r2"), { events: [runCancelled], leave: cancelled }),
        writeOf(claimed, { events: [stepStarted()] }),
      ]);
      assert.deepEqual(answers, [{ status: "accepted" }, { status: "accepted" }]);
    },
  },
];
