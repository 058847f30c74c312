/** Opening, closing, and the health of a store. */
import assert from "node:assert/strict";
import type { Store } from "../../store.ts";
import { lane, newMessage, newRun, newWorker, type SceneCase } from "./store-scene.ts";

const calls: Record<string, (store: Store) => Promise<unknown>> = {
  create: (store) => store.create([newRun("r1")]),
  deliver: (store) => store.deliver([newMessage("r1", "m1")]),
  register: (store) => store.register(newWorker("w1")),
  renew: (store) => store.renew({ workerId: "w1", claims: [] }),
  unregister: (store) => store.unregister("w1"),
  claim: (store) => store.claim({ workerId: "w1", lanes: [lane], limit: 1, claim: "c", hot: new Map() }),
  load: (store) => store.load({ runId: "r1", claim: "c.0", afterSeq: 0 }),
  release: (store) => store.release([{ runId: "r1", claim: "c.0" }]),
  commit: (store) => store.commit([]),
  expire: (store) => store.expire(1),
  unhold: (store) => store.unhold([lane]),
  run: (store) => store.run("r1"),
  snapshots: (store) => store.snapshots(["r1"]),
  runs: (store) => store.runs({ limit: 1 }),
  count: (store) => store.count({}),
  history: (store) => store.history({ runId: "r1", afterSeq: 0, limit: 1 }),
  workers: (store) => store.workers(),
  health: (store) => store.health(),
};

export const lifecycleCases: readonly SceneCase[] = [
  {
    name: "opening again does nothing",
    async check({ store }) {
      await store.create([newRun("r1")]);
      await store.open();
      await Promise.all([store.open(), store.open()]);
      assert.equal((await store.run("r1"))?.run.id, "r1");
    },
  },
  {
    name: "closing again does nothing",
    async check({ store }) {
      await store.close();
      await store.close();
    },
  },
  ...Object.entries(calls).map(([method, call]) => ({
    name: `${method} on a closed store rejects with ALREADY_CLOSED`,
    async check({ store }: { store: Store }) {
      await store.close();
      await assert.rejects(call(store), { name: "PerdureError", code: "ALREADY_CLOSED" });
    },
  })),
  ...Object.entries(calls).map(([method, call]) => ({
    name: `${method} on an empty store is no error`,
    async check({ store }: { store: Store }) {
      await call(store);
    },
  })),
  {
    name: "empty lists are no error and change nothing",
    async check({ store }) {
      assert.deepEqual(await store.create([]), []);
      assert.deepEqual(await store.deliver([]), []);
      assert.deepEqual((await store.commit([])).answers, []);
      assert.deepEqual(await store.snapshots([]), []);
      assert.equal(await store.unhold([]), 0);
      await store.release([]);
      assert.deepEqual((await store.runs({ limit: 10 })).items, []);
    },
  },
  {
    name: "health tells whole milliseconds, durability and the schema",
    async check({ store }) {
      const health = await store.health();
      assert.ok(Number.isSafeInteger(health.now) && health.now > 0);
      assert.ok(["power", "process", "none"].includes(health.durability));
      assert.ok(Number.isSafeInteger(health.schemaVersion));
      assert.notEqual(store.description, "");
    },
  },
  {
    name: "the clock goes on by what it is moved",
    needs: "advance",
    async check(scene) {
      const before = await scene.now();
      await scene.advance(1234);
      assert.equal(await scene.now(), before + 1234);
    },
  },
  {
    name: "a second process sees what the first has written",
    needs: "reopen",
    async check(scene) {
      await scene.create("r1");
      const other = await scene.second();
      assert.equal((await other.run("r1"))?.run.status, "pending");
      await other.deliver([newMessage("r1", "m1")]);
      assert.equal((await scene.record()).inboxSeq, 1);
    },
  },
  {
    name: "closing one process's store leaves the other's open",
    needs: "reopen",
    async check(scene) {
      const other = await scene.second();
      await other.close();
      await scene.create("r1");
      await assert.rejects(other.run("r1"), { code: "ALREADY_CLOSED" });
    },
  },
  {
    name: "ten processes open at once",
    needs: "reopen",
    async check(scene) {
      await scene.create("r1");
      const stores = await Promise.all(Array.from({ length: 10 }, () => scene.reopenUnopened()));
      await Promise.all(stores.map((store) => store.open()));
      for (const store of stores) assert.equal((await store.run("r1"))?.run.id, "r1");
    },
  },
];
