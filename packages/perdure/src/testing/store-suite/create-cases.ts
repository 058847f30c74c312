/** New runs: their rows, ids, keys, and links. */
import assert from "node:assert/strict";
import { completed, newRun, parked, runCompleted, writeOf, type SceneCase } from "./store-scene.ts";

export const createCases: readonly SceneCase[] = [
  {
    name: "a new run is pending and due at once, with every field as given",
    async check(scene) {
      const [answer] = await scene.store.create([
        newRun("r1", {
          kind: "step",
          queue: "q",
          workflow: "w",
          version: "v",
          priority: -3,
          idempotencyKey: "k",
          inputHash: "h",
          attempt: 2,
          predecessorId: "r0",
          attributes: { tier: "gold", size: 2.5, urgent: true, off: false },
          created: { body: '{"version":"v"}', payload: '{"a":1}' },
        }),
      ]);
      assert.equal(answer?.status, "created");
      const { now } = answer;
      assert.deepEqual(answer, { status: "created", id: "r1", now });
      assert.deepEqual(await scene.record(), {
        id: "r1",
        kind: "step",
        queue: "q",
        workflow: "w",
        version: "v",
        status: "pending",
        priority: -3,
        claim: null,
        workerId: null,
        wakeAt: now,
        held: false,
        waitingFor: null,
        nextSeq: 2,
        commitNumber: 0,
        inboxSeq: 0,
        crashCount: 0,
        createdAt: now,
        updatedAt: now,
        deadlineAt: null,
        idempotencyKey: "k",
        inputHash: "h",
        attempt: 2,
        predecessorId: "r0",
        successorId: null,
        attributes: { tier: "gold", size: 2.5, urgent: true, off: false },
      });
    },
  },
  {
    name: "the first event has number 1, store time and the workflow as name",
    async check(scene) {
      await scene.create("r1", { created: { body: '{"version":"v"}', payload: '{"a":1}' } });
      const { createdAt } = await scene.record();
      assert.deepEqual(await scene.store.history({ runId: "r1", afterSeq: 0, limit: 10 }), [
        {
          seq: 1,
          type: "run.created",
          at: createdAt,
          op: null,
          name: "order",
          body: '{"version":"v"}',
          payload: '{"a":1}',
        },
      ]);
    },
  },
  {
    name: "startAt is the due time, also one that has passed",
    async check(scene) {
      await scene.create("r1", { startAt: 4_102_444_800_000, startAfterMs: 5 });
      await scene.create("r2", { startAt: 1 });
      assert.equal((await scene.record("r1")).wakeAt, 4_102_444_800_000);
      assert.equal((await scene.record("r2")).wakeAt, 1);
    },
  },
  {
    name: "startAfterMs is counted from the store's now",
    async check(scene) {
      await scene.create("r1", { startAfterMs: 5000 });
      const { createdAt, wakeAt, status, waitingFor } = await scene.record();
      assert.deepEqual(
        { wakeAt, status, waitingFor },
        { wakeAt: createdAt + 5000, status: "pending", waitingFor: null },
      );
    },
  },
  {
    name: "a deadline is a time, or counted from when the run is due",
    async check(scene) {
      await scene.create("r1", { deadlineAt: 77, deadlineAfterMs: 5 });
      await scene.create("r2", { deadlineAfterMs: 30, startAfterMs: 1000 });
      await scene.create("r3", { deadlineAfterMs: 30, startAt: 1000 });
      assert.equal((await scene.record("r1")).deadlineAt, 77);
      const { createdAt, deadlineAt } = await scene.record("r2");
      assert.equal(deadlineAt, createdAt + 1030);
      assert.equal((await scene.record("r3")).deadlineAt, 1030);
    },
  },
  {
    name: "an id that exists answers with its run and changes nothing of it",
    async check(scene) {
      await scene.create("r1", { inputHash: "h1", attributes: { a: 1 } });
      const before = await scene.record();
      const [answer] = await scene.store.create([newRun("r1", { workflow: "other", inputHash: "h2" })]);
      assert.ok(answer?.status === "exists");
      assert.deepEqual(
        { ...answer, now: 0 },
        { status: "exists", by: "id", id: "r1", workflow: "order", inputHash: "h1", now: 0 },
      );
      assert.deepEqual(await scene.record(), before);
      assert.deepEqual(await scene.historyTypes(), ["run.created"]);
    },
  },
  {
    name: "a key that exists answers with the run that has it, and the new one is not written",
    async check(scene) {
      await scene.create("r1", { idempotencyKey: "k", inputHash: "h1" });
      const [answer] = await scene.store.create([newRun("r2", { idempotencyKey: "k", inputHash: "h2" })]);
      assert.ok(answer?.status === "exists");
      assert.deepEqual(
        { ...answer, now: 0 },
        { status: "exists", by: "key", id: "r1", workflow: "order", inputHash: "h1", now: 0 },
      );
      assert.equal(await scene.store.run("r2"), undefined);
    },
  },
  {
    name: "a repeated create with its key is recognized by the key",
    async check(scene) {
      await scene.create("r1", { idempotencyKey: "k" });
      const [answer] = await scene.store.create([newRun("r1", { idempotencyKey: "k" })]);
      assert.ok(answer?.status === "exists");
      assert.deepEqual([answer.by, answer.id], ["key", "r1"]);
    },
  },
  {
    name: "when key and id name two runs, the key's answers",
    async check(scene) {
      await scene.create("r1", { idempotencyKey: "k" });
      await scene.create("r2");
      const [answer] = await scene.store.create([newRun("r2", { idempotencyKey: "k" })]);
      assert.ok(answer?.status === "exists");
      assert.deepEqual([answer.by, answer.id], ["key", "r1"]);
    },
  },
  {
    name: "an id that exists with a new key answers by id and does not take the key",
    async check(scene) {
      await scene.create("r1");
      const [answer] = await scene.store.create([newRun("r1", { idempotencyKey: "k" })]);
      assert.ok(answer?.status === "exists");
      assert.equal(answer.by, "id");
      await scene.create("r2", { idempotencyKey: "k" });
    },
  },
  {
    name: "a key stays taken when its run has ended, and other workflows have keys of their own",
    async check(scene) {
      await scene.accept(
        writeOf(await scene.owned({ idempotencyKey: "k" }), { events: [runCompleted], leave: completed }),
      );
      const [again, other] = await scene.store.create([
        newRun("r2", { idempotencyKey: "k" }),
        newRun("r3", { idempotencyKey: "k", workflow: "x", queue: "y" }),
      ]);
      assert.ok(again?.status === "exists");
      assert.deepEqual([again.id, again.workflow], ["r1", "order"]);
      assert.equal(other?.status, "created");
    },
  },
  {
    name: "two runs of one call with the same key: the first is written, the second finds it",
    async check(scene) {
      const answers = await scene.store.create([
        newRun("r1", { idempotencyKey: "k" }),
        newRun("r2", { idempotencyKey: "k" }),
        newRun("r1"),
        newRun("r3"),
      ]);
      assert.deepEqual(
        answers.map((answer) => [answer.status, answer.id]),
        [
          ["created", "r1"],
          ["exists", "r1"],
          ["exists", "r1"],
          ["created", "r3"],
        ],
      );
    },
  },
  {
    name: "keys differ by case, blanks and composition of characters",
    async check(scene) {
      const keys = ["k", "K", "k ", " k", "", "\u00e9", "e\u0301", "k\0", "0", "0.0"];
      const answers = await scene.store.create(
        keys.map((key, index) => newRun(`r${index}`, { idempotencyKey: key })),
      );
      assert.deepEqual(
        answers.map((answer) => answer.status),
        keys.map(() => "created"),
      );
    },
  },
  {
    name: "runs without a key never meet",
    async check(scene) {
      await scene.create("r1");
      await scene.create("r2");
    },
  },
  {
    name: "replaces links the new run behind one that has ended",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { events: [runCompleted], leave: completed }));
      await scene.create("r2", { replaces: "r1", predecessorId: "r1" });
      assert.equal((await scene.record("r1")).successorId, "r2");
      assert.equal((await scene.record("r2")).predecessorId, "r1");
      assert.equal((await scene.record("r1")).status, "completed");
    },
  },
  {
    name: "replaces of a run that is missing, has not ended or has a successor is a conflict",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.create("open");
      const attempt = async (replaces: string) => {
        const [answer] = await scene.store.create([newRun("new", { replaces })]);
        assert.ok(answer?.status === "conflict");
        assert.equal(answer.id, "new");
        assert.equal(await scene.store.run("new"), undefined);
      };
      await attempt("nobody");
      await attempt("open");
      await attempt("r1");
      await scene.accept(
        writeOf(claimed, { events: [runCompleted], leave: { status: "failed", successorId: "r9" } }),
      );
      await attempt("r1");
    },
  },
  {
    name: "only one of two runs of a call replaces a run",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { events: [runCompleted], leave: completed }));
      const answers = await scene.store.create([
        newRun("a", { replaces: "r1" }),
        newRun("b", { replaces: "r1" }),
      ]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        ["created", "conflict"],
      );
      assert.equal((await scene.record("r1")).successorId, "a");
    },
  },
  {
    name: "a repeated create that replaces is found by its id, not a conflict",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { events: [runCompleted], leave: completed }));
      await scene.create("r2", { replaces: "r1" });
      const [answer] = await scene.store.create([newRun("r2", { replaces: "r1" })]);
      assert.equal(answer?.status, "exists");
    },
  },
  {
    name: "a conflict of one run leaves the others of its call written",
    async check(scene) {
      const answers = await scene.store.create([newRun("a"), newRun("b", { replaces: "x" }), newRun("c")]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        ["created", "conflict", "created"],
      );
      assert.ok((await scene.store.run("c")) !== undefined);
    },
  },
  {
    name: "a run created by a write is there with it, and due",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { leave: parked(), runs: [newRun("child", { attempt: 3 })] }));
      const child = await scene.record("child");
      assert.deepEqual([child.status, child.wakeAt, child.attempt], ["pending", child.createdAt, 3]);
      await scene.take("child");
    },
  },
  {
    name: "a run created by a refused write is not there",
    async check(scene) {
      const claimed = await scene.owned();
      const answer = await scene.commit(writeOf(claimed, { nextSeq: 9, runs: [newRun("child")] }));
      assert.equal(answer.status, "stale");
      assert.equal(await scene.store.run("child"), undefined);
    },
  },
  {
    name: "a write is accepted though the run that it creates exists or conflicts",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.create("there", { attributes: { old: true } });
      await scene.accept(
        writeOf(claimed, { runs: [newRun("there"), newRun("no", { replaces: "nobody" }), newRun("yes")] }),
      );
      assert.deepEqual((await scene.record("there")).attributes, { old: true });
      assert.equal(await scene.store.run("no"), undefined);
      assert.ok(await scene.store.run("yes"));
    },
  },
  {
    name: "a run that a write creates may replace the one that the write ends",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(
        writeOf(claimed, {
          events: [runCompleted],
          leave: completed,
          runs: [newRun("r2", { replaces: "r1" })],
        }),
      );
      assert.equal((await scene.record("r1")).successorId, "r2");
      assert.ok(await scene.store.run("r2"));
    },
  },
];
