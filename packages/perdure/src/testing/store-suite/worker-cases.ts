/** Workers and their leases. */
import assert from "node:assert/strict";
import { lane, leaseMs, newMessage, newWorker, parked, writeOf, type SceneCase } from "./store-scene.ts";

export const workerCases: readonly SceneCase[] = [
  {
    name: "a worker is listed with all that it said, its lease and what it owns",
    async check(scene) {
      const worker = newWorker("w1", { host: "h", pid: 42, version: "2", concurrency: 3 });
      const { now } = await scene.store.register(worker);
      await scene.create("r1");
      await scene.take();
      assert.deepEqual(await scene.store.workers(), [
        { ...worker, startedAt: now, leaseUntil: now + leaseMs, live: true, owned: 1 },
      ]);
    },
  },
  {
    name: "an id that is registered again changes nothing",
    async check(scene) {
      await scene.register();
      const before = await scene.store.workers();
      await scene.register("w1", { host: "other", leaseMs: 5 });
      assert.deepEqual(await scene.store.workers(), before);
    },
  },
  {
    name: "registering again does not raise the dead",
    needs: "advance",
    async check(scene) {
      await scene.owned();
      await scene.create("r2");
      await scene.take("r2");
      await scene.advance(leaseMs);
      await scene.store.expire(1);
      await scene.register();
      assert.equal((await scene.claim()).live, false);
    },
  },
  {
    name: "renewing extends the lease by its length from now",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.advance(leaseMs - 1);
      const now = await scene.now();
      assert.deepEqual(await scene.store.renew({ workerId: "w1", claims: [] }), {
        live: true,
        now,
        leaseUntil: now + leaseMs,
        strange: [],
        unread: [],
      });
      await scene.advance(leaseMs - 1);
      assert.equal((await scene.claim()).live, true);
    },
  },
  {
    name: "a lease ends at its last millisecond: then it is not renewed",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.advance(leaseMs);
      const now = await scene.now();
      assert.deepEqual(await scene.store.renew({ workerId: "w1", claims: [] }), { live: false, now });
      assert.equal((await scene.store.workers())[0]?.live, false);
    },
  },
  {
    name: "an expired worker gets no runs",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      await scene.advance(leaseMs);
      assert.deepEqual(await scene.claim(), {
        live: false,
        now: await scene.now(),
        runs: [],
        nextDueAt: null,
      });
      assert.equal((await scene.record()).crashCount, 0);
    },
  },
  {
    name: "a worker that is unknown or gone is told so",
    async check(scene) {
      await scene.create("r1");
      assert.equal((await scene.claim()).live, false);
      assert.equal((await scene.store.renew({ workerId: "w1", claims: [] })).live, false);
      await scene.register();
      await scene.store.unregister("w1");
      assert.equal((await scene.claim()).live, false);
      assert.equal((await scene.store.renew({ workerId: "w1", claims: [] })).live, false);
    },
  },
  {
    name: "renew names the claims that the worker does not know of",
    async check(scene) {
      await scene.register();
      await scene.register("w2");
      for (const id of ["r1", "r2", "r3", "r4"]) await scene.create(id);
      const { runs } = await scene.claim({ limit: 3, claim: "lost" });
      await scene.claim({ workerId: "w2" });
      const known = { runId: "r2", claim: runs[1]!.run.claim!, readInboxSeq: 0 };
      const otherClaim = { runId: "r3", claim: "of-before", readInboxSeq: 0 };
      const answer = await scene.store.renew({ workerId: "w1", claims: [known, otherClaim] });
      assert.ok(answer.live);
      assert.deepEqual(
        answer.strange.sort((left, right) => (left.runId < right.runId ? -1 : 1)),
        [
          { runId: "r1", claim: "lost.0" },
          { runId: "r3", claim: "lost.2" },
        ],
      );
    },
  },
  {
    name: "renew names the runs with messages after the one read",
    async check(scene) {
      await scene.register();
      for (const id of ["r1", "r2", "r3"]) await scene.create(id);
      const { runs } = await scene.claim();
      await scene.store.deliver([newMessage("r1", "m1"), newMessage("r2", "m1"), newMessage("r2", "m2")]);
      const read = [1, 1, 0];
      const claims = runs.map(({ run }, index) => ({
        runId: run.id,
        claim: run.claim!,
        readInboxSeq: read[index]!,
      }));
      const answer = await scene.store.renew({ workerId: "w1", claims });
      assert.ok(answer.live);
      assert.deepEqual(answer.unread, ["r2"]);
      assert.deepEqual(answer.strange, []);
    },
  },
  {
    name: "renew says nothing of claims that are not current",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { leave: parked() }));
      await scene.store.deliver([newMessage("r1", "m1")]);
      const claims = [{ runId: "r1", claim: claimed.run.claim!, readInboxSeq: 0 }];
      const answer = await scene.store.renew({ workerId: "w1", claims });
      assert.ok(answer.live);
      assert.deepEqual([answer.strange, answer.unread], [[], []]);
    },
  },
  {
    name: "renewing changes no run",
    async check(scene) {
      const { run } = await scene.owned();
      await scene.store.renew({ workerId: "w1", claims: [] });
      assert.deepEqual(await scene.record(), run);
    },
  },
  {
    name: "unregister frees what the worker owns without counting a crash, and forgets it",
    async check(scene) {
      await scene.register("w2");
      const { run } = await scene.owned();
      await scene.store.unregister("w1");
      const after = await scene.record();
      assert.deepEqual(after, {
        ...run,
        status: "pending",
        workerId: null,
        wakeAt: run.createdAt,
        crashCount: 0,
        updatedAt: after.updatedAt,
      });
      assert.deepEqual(
        (await scene.store.workers()).map(({ id }) => id),
        ["w2"],
      );
      await scene.take("r1", { workerId: "w2" });
    },
  },
  {
    name: "unregister frees no run of another worker, and is no error for one that is gone",
    async check(scene) {
      const { run } = await scene.owned();
      await scene.register("w2");
      await scene.store.unregister("w2");
      await scene.store.unregister("w2");
      await scene.store.unregister("nobody");
      assert.deepEqual(await scene.record(), run);
    },
  },
  {
    name: "unregister frees nothing that the worker has parked",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { leave: parked() }));
      const before = await scene.record();
      await scene.store.unregister("w1");
      assert.deepEqual(await scene.record(), before);
    },
  },
  {
    name: "renewing with other lanes says what the worker serves now",
    async check(scene) {
      await scene.register("w1");
      const lanes = [{ queue: "q", workflow: "later", version: "2" }];
      await scene.store.renew({ workerId: "w1", claims: [], lanes });
      assert.deepEqual((await scene.store.workers())[0]?.lanes, lanes);
      await scene.store.renew({ workerId: "w1", claims: [] });
      assert.deepEqual((await scene.store.workers())[0]?.lanes, lanes);
    },
  },
  {
    name: "a worker's lanes come back as given",
    async check(scene) {
      const lanes = [lane, { queue: "q'\"%", workflow: "w\n", version: "" }];
      await scene.register("w1", { lanes });
      assert.deepEqual((await scene.store.workers())[0]?.lanes, lanes);
    },
  },
];
