/** How an owner leaves its run: parking, yielding, ending. */
import assert from "node:assert/strict";
import { endedStatusCases } from "./ended-cases.ts";
import { newMessage, newRun, parked, stepStarted, writeOf, type SceneCase } from "./store-scene.ts";

export const leaveCases: readonly SceneCase[] = [
  {
    name: "a parked run is suspended, nobody's, and keeps its claim",
    async check(scene) {
      const claimed = await scene.owned();
      const waitingFor = { kind: "timer", op: 2, name: "nap", dueAt: 77, others: 1 } as const;
      const { now } = await scene.store.commit([
        writeOf(claimed, { leave: parked({ wakeAt: claimed.now + 9_000_000, waitingFor }) }),
      ]);
      assert.deepEqual(await scene.record(), {
        ...claimed.run,
        status: "suspended",
        workerId: null,
        wakeAt: claimed.now + 9_000_000,
        waitingFor,
        commitNumber: 1,
        crashCount: 0,
        updatedAt: now,
      });
    },
  },
  {
    name: "a back-off is kept as the run's reason word for word",
    async check(scene) {
      const waitingFor = {
        kind: "backoff",
        op: 0,
        step: "charge",
        attempt: 2,
        maxAttempts: null,
        dueAt: 5,
        message: 'no "luck"\n%',
        others: 0,
      } as const;
      await scene.accept(writeOf(await scene.owned(), { leave: parked({ waitingFor }) }));
      assert.deepEqual((await scene.record()).waitingFor, waitingFor);
    },
  },
  {
    name: "parking is refused as kept when a later message is there, and all else is written",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1"), newMessage("r1", "m2")]);
      const answer = await scene.commit(
        writeOf(claimed, {
          events: [stepStarted()],
          consumed: ["m1"],
          runs: [newRun("child")],
          leave: parked({ wakeAt: 5, readInboxSeq: 1 }),
        }),
      );
      assert.deepEqual(answer, { status: "kept" });
      const record = await scene.record();
      assert.deepEqual(
        { ...record, updatedAt: 0 },
        { ...claimed.run, inboxSeq: 2, nextSeq: 3, commitNumber: 1, crashCount: 0, updatedAt: 0 },
      );
      const loaded = await scene.store.load({ runId: "r1", claim: claimed.run.claim!, afterSeq: 2 });
      assert.deepEqual(
        loaded?.messages.map(({ id }) => id),
        ["m2"],
      );
      assert.ok(await scene.store.run("child"));
    },
  },
  {
    name: "after a kept write the owner goes on and parks with what it has read",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      assert.equal((await scene.commit(writeOf(claimed, { leave: parked() }))).status, "kept");
      await scene.accept(
        writeOf(claimed, { commitNumber: 2, consumed: ["m1"], leave: parked({ readInboxSeq: 1 }) }),
      );
      assert.equal((await scene.record()).wakeAt, null);
    },
  },
  {
    name: "parking counts messages that were read, not those consumed",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.accept(writeOf(claimed, { leave: parked({ readInboxSeq: 1 }) }));
      assert.equal((await scene.record()).status, "suspended");
    },
  },
  {
    name: "a park whose time has passed is due at once",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { leave: parked({ wakeAt: 1 }) }));
      assert.equal((await scene.record()).wakeAt, 1);
      await scene.take();
    },
  },
  {
    name: "a yielded run is pending and due now, and keeps its deadline",
    async check(scene) {
      const claimed = await scene.owned({ deadlineAt: 4_102_444_800_000 });
      const { now } = await scene.store.commit([
        writeOf(claimed, { events: [stepStarted()], leave: { status: "pending", deadlineAfterMs: null } }),
      ]);
      assert.deepEqual(await scene.record(), {
        ...claimed.run,
        status: "pending",
        workerId: null,
        wakeAt: now,
        nextSeq: 3,
        commitNumber: 1,
        crashCount: 0,
        updatedAt: now,
      });
    },
  },
  {
    name: "a yielded run may get a new deadline from now",
    async check(scene) {
      const claimed = await scene.owned({ deadlineAt: 5 });
      const { now } = await scene.store.commit([
        writeOf(claimed, { leave: { status: "pending", deadlineAfterMs: 300 } }),
      ]);
      assert.equal((await scene.record()).deadlineAt, now + 300);
    },
  },
  {
    name: "a yield is accepted though unread messages are there",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.accept(writeOf(claimed, { leave: { status: "pending", deadlineAfterMs: null } }));
      assert.equal((await scene.take()).messages.length, 1);
    },
  },
  {
    name: "a run that was left is refused to the one that left it",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { leave: parked() }));
      const answer = await scene.commit(writeOf(claimed, { commitNumber: 2, events: [stepStarted()] }));
      assert.deepEqual(answer, { status: "stale", mine: false });
    },
  },
  ...endedStatusCases,
];
