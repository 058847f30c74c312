/** Reads of single runs and of histories, and that nothing is shared with a caller. */
import assert from "node:assert/strict";
import {
  completed,
  lane,
  newMessage,
  newRun,
  newWorker,
  parked,
  runCompleted,
  stepStarted,
  writeOf,
  type SceneCase,
} from "./store-scene.ts";

/** Changes everything in a value that a caller got or gave. */
function spoil(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, field] of Object.entries(value)) {
    spoil(field);
    (value as Record<string, unknown>)[key] = "spoilt";
  }
  if (Array.isArray(value)) value.length = 0;
}

export const readCases: readonly SceneCase[] = [
  {
    name: "a run that does not exist is undefined",
    async check({ store }) {
      assert.equal(await store.run("nobody"), undefined);
      assert.equal(await store.run(""), undefined);
    },
  },
  {
    name: "a run that has not ended has no payload",
    async check(scene) {
      await scene.create("r1", { created: { body: null, payload: '"in"' } });
      assert.equal((await scene.store.run("r1"))?.payload, null);
    },
  },
  {
    name: "a snapshot says what time it is at the store",
    async check(scene) {
      await scene.create("r1");
      const snapshot = await scene.store.run("r1");
      assert.ok(snapshot && snapshot.now >= snapshot.run.createdAt);
    },
  },
  {
    name: "snapshots finds those that exist, once each",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { events: [runCompleted], leave: completed }));
      await scene.create("r2");
      const snapshots = await scene.store.snapshots(["r2", "nobody", "r1", "r2"]);
      assert.deepEqual(
        snapshots
          .map(({ run, payload }) => [run.id, run.status, payload])
          .sort((left, right) => (left[0]! < right[0]! ? -1 : 1)),
        [
          ["r1", "completed", '"out"'],
          ["r2", "pending", null],
        ],
      );
      assert.deepEqual(snapshots.find(({ run }) => run.id === "r1")?.run, await scene.record());
    },
  },
  {
    name: "snapshots takes more ids than a statement takes parameters",
    async check(scene) {
      await scene.create("r1");
      const ids = Array.from({ length: 40_000 }, (_, index) => `n${index}`);
      assert.equal((await scene.store.snapshots([...ids, "r1"])).length, 1);
    },
  },
  {
    name: "history comes in pages, in order and without gap",
    async check(scene) {
      const events = Array.from({ length: 9 }, (_, op) => stepStarted(op));
      await scene.accept(writeOf(await scene.owned(), { events }));
      const seqs: number[] = [];
      for (let afterSeq = 0; ;) {
        const page = await scene.store.history({ runId: "r1", afterSeq, limit: 4 });
        if (page.length === 0) break;
        assert.ok(page.length <= 4);
        seqs.push(...page.map(({ seq }) => seq));
        afterSeq = page.at(-1)!.seq;
      }
      assert.deepEqual(seqs, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    },
  },
  {
    name: "history after the end, or of nobody, is empty",
    async check(scene) {
      await scene.create("r1");
      assert.deepEqual(await scene.store.history({ runId: "r1", afterSeq: 1, limit: 5 }), []);
      assert.deepEqual(await scene.store.history({ runId: "r1", afterSeq: 99, limit: 5 }), []);
      assert.deepEqual(await scene.store.history({ runId: "nobody", afterSeq: 0, limit: 5 }), []);
    },
  },
  {
    name: "histories of runs are kept apart",
    async check(scene) {
      await scene.register();
      await scene.store.create([newRun("a"), newRun("b")]);
      const { runs } = await scene.claim();
      await scene.store.commit([
        writeOf(runs[0]!, { events: [stepStarted(1)] }),
        writeOf(runs[1]!, { events: [stepStarted(2), stepStarted(3)] }),
      ]);
      assert.equal((await scene.historyTypes("a")).length, 2);
      assert.equal((await scene.historyTypes("b")).length, 3);
    },
  },
  {
    name: "what a caller does to an answer does not reach the store",
    async check(scene) {
      await scene.store.register(newWorker("w1", { lanes: [{ ...lane }] }));
      await scene.create("r1", { attributes: { a: 1 } });
      await scene.store.deliver([newMessage("r1", "m1", { payload: "1" })]);
      const claimed = await scene.take();
      const record = await scene.record();
      const history = await scene.store.history({ runId: "r1", afterSeq: 0, limit: 10 });
      const workers = await scene.store.workers();
      const copy = structuredClone({ claimed, record, history, workers });
      const { claim } = claimed.run;
      for (const value of [
        await scene.store.run("r1"),
        await scene.store.history({ runId: "r1", afterSeq: 0, limit: 10 }),
        (await scene.store.runs({ limit: 10 })).items,
        await scene.store.workers(),
        claimed,
      ]) {
        spoil(value);
      }
      assert.deepEqual(await scene.record(), copy.record);
      assert.deepEqual(await scene.store.history({ runId: "r1", afterSeq: 0, limit: 10 }), copy.history);
      assert.deepEqual(await scene.store.workers(), copy.workers);
      const loaded = await scene.store.load({ runId: "r1", claim: claim!, afterSeq: 0 });
      assert.deepEqual(loaded?.messages, copy.claimed.messages);
    },
  },
  {
    name: "what a caller does to an argument later does not reach the store",
    async check(scene) {
      const lanes = [{ ...lane }];
      await scene.store.register(newWorker("w1", { lanes }));
      const run = newRun("r1", { attributes: { a: 1 }, created: { body: null, payload: "1" } });
      await scene.store.create([run]);
      const message = newMessage("r1", "m1", { payload: "1" });
      await scene.store.deliver([message]);
      const claimed = await scene.take();
      const waitingFor = { kind: "queue" as const, queue: "q" };
      const write = writeOf(claimed, {
        events: [stepStarted()],
        leave: parked({ readInboxSeq: 1, waitingFor }),
      });
      await scene.accept(write);
      const before = structuredClone([
        await scene.record(),
        await scene.store.history({ runId: "r1", afterSeq: 0, limit: 10 }),
        await scene.store.workers(),
      ]);
      for (const value of [run, message, write, waitingFor, lanes]) spoil(value);
      assert.deepEqual(
        [
          await scene.record(),
          await scene.store.history({ runId: "r1", afterSeq: 0, limit: 10 }),
          await scene.store.workers(),
        ],
        before,
      );
    },
  },
  {
    name: "an answer does not change when the store does",
    async check(scene) {
      const claimed = await scene.owned();
      const before = structuredClone(claimed);
      await scene.accept(writeOf(claimed, { events: [stepStarted()], leave: parked() }));
      assert.deepEqual(claimed, before);
    },
  },
];
