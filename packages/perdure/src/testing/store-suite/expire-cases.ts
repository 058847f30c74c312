/** The sweep: runs of workers whose lease is over. */
import assert from "node:assert/strict";
import {
  leaseMs,
  newMessage,
  newRun,
  parked,
  stepStarted,
  writeOf,
  type SceneCase,
  type StoreScene,
} from "./store-scene.ts";

async function ownMany(scene: StoreScene, workerId: string, ids: readonly string[]): Promise<void> {
  await scene.register(workerId);
  await scene.store.create(ids.map((id) => newRun(id)));
  const { runs } = await scene.claim({ workerId });
  assert.equal(runs.length, ids.length);
}

export const expireCases: readonly SceneCase[] = [
  {
    name: "a sweep that finds nobody expired changes nothing",
    async check(scene) {
      const { run } = await scene.owned();
      const answer = await scene.store.expire(10);
      assert.deepEqual({ ...answer, now: 0 }, { now: 0, workers: [], freed: 0, more: false });
      assert.deepEqual(await scene.record(), run);
    },
  },
  {
    name: "an expired worker's runs are freed with their crash counted, and it is forgotten",
    needs: "advance",
    async check(scene) {
      const { run } = await scene.owned();
      await scene.advance(leaseMs);
      const now = await scene.now();
      assert.deepEqual(await scene.store.expire(10), { now, workers: ["w1"], freed: 1, more: false });
      assert.deepEqual(await scene.record(), {
        ...run,
        status: "pending",
        workerId: null,
        wakeAt: run.createdAt,
        updatedAt: now,
      });
      assert.deepEqual(await scene.store.workers(), []);
      assert.equal((await scene.store.renew({ workerId: "w1", claims: [] })).live, false);
    },
  },
  {
    name: "a freed run that has begun is suspended",
    needs: "advance",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { events: [stepStarted()] }));
      await scene.advance(leaseMs);
      await scene.store.expire(10);
      assert.equal((await scene.record()).status, "suspended");
    },
  },
  {
    name: "a freed run goes before those that were created after it",
    needs: "advance",
    async check(scene) {
      await scene.owned();
      await scene.advance(1);
      await scene.create("later");
      await scene.advance(leaseMs);
      await scene.store.expire(10);
      await scene.register("w2");
      const { runs } = await scene.claim({ workerId: "w2", limit: 1 });
      assert.deepEqual(
        runs.map(({ run }) => run.id),
        ["r1"],
      );
    },
  },
  {
    name: "a worker that renewed in time is not touched",
    needs: "advance",
    async check(scene) {
      const { run } = await scene.owned();
      await scene.register("w2");
      await scene.advance(leaseMs - 1);
      await scene.store.renew({ workerId: "w1", claims: [] });
      await scene.advance(1);
      assert.deepEqual((await scene.store.expire(10)).workers, ["w2"]);
      assert.deepEqual(await scene.record(), run);
    },
  },
  {
    name: "a sweep frees in chunks, by worker and run, and forgets a worker last",
    needs: "advance",
    async check(scene) {
      await ownMany(scene, "w2", ["a", "b"]);
      await ownMany(scene, "w1", ["e", "d", "c"]);
      await scene.advance(leaseMs);
      const step = async () => {
        const { freed, more, workers } = await scene.store.expire(2);
        const owned = (await scene.store.runs({ limit: 10, status: ["running"] })).items;
        const left = (await scene.store.workers()).map(({ id }) => id).sort();
        return { freed, more, workers, owned: owned.map(({ id }) => id).sort(), left };
      };
      assert.deepEqual(await step(), {
        freed: 2,
        more: true,
        workers: ["w1", "w2"],
        owned: ["a", "b", "e"],
        left: ["w1", "w2"],
      });
      assert.deepEqual(await step(), {
        freed: 2,
        more: true,
        workers: ["w1", "w2"],
        owned: ["b"],
        left: ["w2"],
      });
      assert.deepEqual(await step(), { freed: 1, more: false, workers: ["w2"], owned: [], left: [] });
      assert.deepEqual(await step(), { freed: 0, more: false, workers: [], owned: [], left: [] });
    },
  },
  {
    name: "a chunk that fits exactly finishes the worker",
    needs: "advance",
    async check(scene) {
      await ownMany(scene, "w1", ["a", "b"]);
      await scene.advance(leaseMs);
      const { freed, more } = await scene.store.expire(2);
      assert.deepEqual([freed, more], [2, false]);
      assert.deepEqual(await scene.store.workers(), []);
    },
  },
  {
    name: "a worker that was marked dead is refused, though the clock is stepped back",
    needs: "advance",
    async check(scene) {
      await ownMany(scene, "w1", ["a", "b"]);
      await scene.create("c");
      await scene.advance(leaseMs);
      await scene.store.expire(1);
      await scene.advance(-leaseMs);
      assert.equal((await scene.store.renew({ workerId: "w1", claims: [] })).live, false);
      assert.equal((await scene.claim()).live, false);
      assert.equal((await scene.store.workers())[0]?.live, false);
      assert.deepEqual(await scene.store.expire(10), {
        now: await scene.now(),
        workers: ["w1"],
        freed: 1,
        more: false,
      });
    },
  },
  {
    name: "another sweeper finishes what one has begun",
    needs: "advance",
    async check(scene) {
      await ownMany(scene, "w1", ["a", "b", "c"]);
      await scene.advance(leaseMs);
      await scene.store.expire(1);
      const other = await scene.second();
      const { freed, more } = await other.expire(10);
      assert.deepEqual([freed, more], [2, false]);
    },
  },
  {
    name: "a run that is not yet freed can still be committed by its expired owner, and then parks for good",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.store.create([newRun("a"), newRun("b")]);
      const { runs } = await scene.claim();
      await scene.advance(leaseMs);
      await scene.store.expire(1);
      await scene.accept(writeOf(runs[1]!, { leave: parked() }));
      const { freed, more } = await scene.store.expire(10);
      assert.deepEqual([freed, more], [0, false]);
      assert.equal((await scene.record("b")).wakeAt, null);
    },
  },
  {
    name: "a freed run keeps its messages, its deadline and its history",
    needs: "advance",
    async check(scene) {
      const claimed = await scene.owned({ deadlineAt: 4_102_444_800_000 });
      await scene.accept(writeOf(claimed, { events: [stepStarted()] }));
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.advance(leaseMs);
      await scene.store.expire(10);
      await scene.register("w2");
      const again = await scene.take("r1", { workerId: "w2" });
      assert.deepEqual(
        [again.messages.length, again.events.length, again.run.deadlineAt, again.previousClaim],
        [1, 2, 4_102_444_800_000, claimed.run.claim],
      );
    },
  },
  {
    name: "expiry leaves parked runs of the dead worker alone",
    needs: "advance",
    async check(scene) {
      await scene.accept(writeOf(await scene.owned(), { leave: parked() }));
      const before = await scene.record();
      await scene.advance(leaseMs);
      assert.equal((await scene.store.expire(10)).freed, 0);
      assert.deepEqual(await scene.record(), before);
    },
  },
  {
    name: "a sweep twice frees once",
    needs: "advance",
    async check(scene) {
      await scene.owned();
      await scene.advance(leaseMs);
      await scene.store.expire(10);
      await scene.register("w2");
      const { run } = await scene.take("r1", { workerId: "w2" });
      assert.equal((await scene.store.expire(10)).freed, 0);
      assert.deepEqual(await scene.record(), run);
    },
  },
  {
    name: "five hundred runs of a dead worker are freed by small chunks, each once",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.store.create(Array.from({ length: 500 }, (_, index) => newRun(`r${index}`)));
      await scene.claim({ limit: 1000 });
      await scene.advance(leaseMs);
      let freed = 0;
      for (let more = true; more;) {
        const answer = await scene.store.expire(64);
        assert.ok(answer.freed <= 64);
        freed += answer.freed;
        more = answer.more;
      }
      assert.equal(freed, 500);
      assert.deepEqual(await scene.store.count({}), { pending: 500 });
    },
  },
];
