/** Messages: numbers, repeats, and whom they wake. */
import assert from "node:assert/strict";
import {
  completed,
  heldForCode,
  leaseMs,
  newMessage,
  parked,
  runCompleted,
  writeOf,
  type SceneCase,
} from "./store-scene.ts";

export const deliverCases: readonly SceneCase[] = [
  {
    name: "a message makes a parked run due now",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { leave: parked() }));
      assert.equal((await scene.record()).wakeAt, null);
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1")]), ["delivered"]);
      const { wakeAt, updatedAt, inboxSeq, status } = await scene.record();
      assert.deepEqual([wakeAt, inboxSeq, status], [updatedAt, 1, "suspended"]);
      assert.equal((await scene.take()).messages.length, 1);
    },
  },
  {
    name: "a message makes a run due that sleeps until later",
    async check(scene) {
      const claimed = await scene.owned();
      const far = claimed.now + 9_000_000;
      await scene.accept(writeOf(claimed, { leave: parked({ wakeAt: far }) }));
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.take();
    },
  },
  {
    name: "a message leaves a run that is due longer where it stands",
    async check(scene) {
      await scene.create("r1", { startAt: 5 });
      await scene.store.deliver([newMessage("r1", "m1")]);
      assert.equal((await scene.record()).wakeAt, 5);
    },
  },
  {
    name: "a message does not make a run begin before its time",
    async check(scene) {
      await scene.create("r1", { startAfterMs: leaseMs });
      const { wakeAt } = await scene.record();
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1")]), ["delivered"]);
      assert.deepEqual([(await scene.record()).wakeAt, (await scene.record()).inboxSeq], [wakeAt, 1]);
    },
  },
  {
    name: "a message for an owned run raises its number and nothing else",
    async check(scene) {
      const claimed = await scene.owned();
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1")]), ["delivered"]);
      assert.deepEqual(
        { ...(await scene.record()), updatedAt: 0 },
        { ...claimed.run, inboxSeq: 1, updatedAt: 0 },
      );
      assert.deepEqual((await scene.claim()).runs, []);
    },
  },
  {
    name: "a message for a held run is kept and does not make it due",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { leave: heldForCode }));
      const { wakeAt } = await scene.record();
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1")]), ["delivered"]);
      const record = await scene.record();
      assert.deepEqual([record.wakeAt, record.inboxSeq, record.held], [wakeAt, 1, true]);
      assert.deepEqual((await scene.claim()).runs, []);
    },
  },
  {
    name: "a message for a run that has ended is dropped",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { events: [runCompleted], leave: completed }));
      const before = await scene.record();
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1")]), ["ended"]);
      assert.deepEqual(await scene.record(), before);
      assert.deepEqual((await scene.claim()).runs, []);
    },
  },
  {
    name: "a message for a run that does not exist is dropped",
    async check(scene) {
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1")]), ["missing"]);
      await scene.register();
      await scene.create("r1");
      assert.deepEqual((await scene.take()).messages, []);
    },
  },
  {
    name: "a repeated id is recognized and does not wake the run again",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.accept(writeOf(claimed, { consumed: ["m1"], leave: parked({ readInboxSeq: 1 }) }));
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1", { payload: "2" })]), ["repeated"]);
      const { wakeAt, inboxSeq } = await scene.record();
      assert.deepEqual([wakeAt, inboxSeq], [null, 1]);
    },
  },
  {
    name: "a repeated id of a run that has ended since is repeated, not ended",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.accept(writeOf(claimed, { events: [runCompleted], leave: completed }));
      assert.deepEqual(await scene.store.deliver([newMessage("r1", "m1"), newMessage("r1", "m2")]), [
        "repeated",
        "ended",
      ]);
    },
  },
  {
    name: "the same id twice in one call is delivered once",
    async check(scene) {
      await scene.create("r1");
      const answers = await scene.store.deliver([
        newMessage("r1", "m1"),
        newMessage("r1", "m1"),
        newMessage("r1", "m2"),
      ]);
      assert.deepEqual(answers, ["delivered", "repeated", "delivered"]);
      assert.equal((await scene.record()).inboxSeq, 2);
    },
  },
  {
    name: "two runs may each get a message of the same id",
    async check(scene) {
      await scene.create("r1");
      await scene.create("r2");
      const answers = await scene.store.deliver([newMessage("r1", "m1"), newMessage("r2", "m1")]);
      assert.deepEqual(answers, ["delivered", "delivered"]);
      assert.equal((await scene.record("r2")).inboxSeq, 1);
    },
  },
  {
    name: "messages of one call for one run are all counted, in order",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      await scene.create("r2", { startAfterMs: leaseMs, queue: "other" });
      const answers = await scene.store.deliver([
        newMessage("r1", "b", { name: "first", payload: "1" }),
        newMessage("r2", "x"),
        newMessage("r1", "a", { name: "second" }),
        newMessage("nobody", "x"),
      ]);
      assert.deepEqual(answers, ["delivered", "delivered", "delivered", "missing"]);
      const { messages, run, now } = await scene.take();
      assert.equal(run.inboxSeq, 2);
      assert.ok(messages.every(({ at }) => Number.isSafeInteger(at) && at <= now));
      assert.deepEqual(
        messages.map((message) => ({ ...message, at: 0 })),
        [
          { id: "b", kind: "terminate", name: "first", payload: "1", seq: 1, at: 0 },
          { id: "a", kind: "terminate", name: "second", payload: null, seq: 2, at: 0 },
        ],
      );
    },
  },
  {
    name: "a message carries the store time of its delivery",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      await scene.advance(50);
      const at = await scene.now();
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.advance(50);
      assert.equal((await scene.take()).messages[0]?.at, at);
    },
  },
  {
    name: "a message that is not consumed is read again by the next claim, a consumed one is not",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1"), newMessage("r1", "m2"), newMessage("r1", "m3")]);
      await scene.accept(
        writeOf(claimed, {
          consumed: ["m2", "unknown"],
          leave: { status: "pending", deadlineAfterMs: null },
        }),
      );
      const { messages } = await scene.take();
      assert.deepEqual(
        messages.map(({ id, seq }) => [id, seq]),
        [
          ["m1", 1],
          ["m3", 3],
        ],
      );
    },
  },
  {
    name: "consuming in one run leaves the message of the same id in another",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.create("r2");
      await scene.store.deliver([newMessage("r1", "m1"), newMessage("r2", "m1")]);
      await scene.accept(writeOf(claimed, { consumed: ["m1"] }));
      assert.equal((await scene.take("r2")).messages.length, 1);
    },
  },
];
