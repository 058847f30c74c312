/** Runs that wait for other code. */
import assert from "node:assert/strict";
import {
  heldForCode,
  lane,
  leaseMs,
  newMessage,
  parked,
  unownedWriteOf,
  writeOf,
  runCancelled,
  type SceneCase,
  type StoreScene,
} from "./store-scene.ts";

async function hold(scene: StoreScene): Promise<void> {
  await scene.accept(writeOf(await scene.owned(), { leave: heldForCode }));
}

export const heldCases: readonly SceneCase[] = [
  {
    name: "a held run is suspended, with its reason, until its time",
    async check(scene) {
      const claimed = await scene.owned();
      const { now } = await scene.store.commit([writeOf(claimed, { leave: heldForCode })]);
      assert.deepEqual(await scene.record(), {
        ...claimed.run,
        status: "suspended",
        workerId: null,
        wakeAt: now + leaseMs,
        held: true,
        waitingFor: { kind: "code", code: "HISTORY_MISMATCH", message: "does not fit", retryAt: 1 },
        commitNumber: 1,
        crashCount: 0,
        updatedAt: now,
      });
    },
  },
  {
    name: "holding is accepted though unread messages are there",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.accept(writeOf(claimed, { leave: heldForCode }));
      assert.equal((await scene.record()).held, true);
    },
  },
  {
    name: "a held run is claimed at its time, is held no longer, and brings its messages",
    needs: "advance",
    async check(scene) {
      await hold(scene);
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.advance(leaseMs - 1);
      await scene.store.renew({ workerId: "w1", claims: [] });
      assert.deepEqual((await scene.claim()).runs, []);
      await scene.advance(1);
      const { run, messages } = await scene.take();
      assert.deepEqual([run.held, run.waitingFor, messages.length], [false, null, 1]);
    },
  },
  {
    name: "unhold makes held runs of its lanes due now, and answers how many",
    async check(scene) {
      await hold(scene);
      const other = { ...lane, version: "2" };
      await scene.create("r2", other);
      await scene.accept(writeOf(await scene.take("r2", { lanes: [other] }), { leave: heldForCode }));
      assert.equal(await scene.store.unhold([lane, lane]), 1);
      const record = await scene.record();
      assert.deepEqual([record.held, record.wakeAt], [false, record.updatedAt]);
      assert.equal((await scene.record("r2")).held, true);
      await scene.take();
    },
  },
  {
    name: "unhold leaves runs alone that are parked, owned or held no longer",
    async check(scene) {
      await hold(scene);
      await scene.create("p");
      await scene.accept(writeOf(await scene.take("p"), { leave: parked() }));
      const before = await scene.record("p");
      assert.equal(await scene.store.unhold([lane]), 1);
      assert.equal(await scene.store.unhold([lane]), 0);
      assert.deepEqual(await scene.record("p"), before);
    },
  },
  {
    name: "a message makes a run due that was unheld and parked again",
    async check(scene) {
      await hold(scene);
      await scene.store.unhold([lane]);
      await scene.accept(writeOf(await scene.take(), { leave: parked() }));
      assert.equal((await scene.record()).held, false);
      await scene.store.deliver([newMessage("r1", "m1")]);
      await scene.take();
    },
  },
  {
    name: "a held run can be ended by nobody in particular, and is held no longer",
    async check(scene) {
      await hold(scene);
      await scene.accept(
        unownedWriteOf(await scene.record(), {
          events: [runCancelled],
          leave: { status: "cancelled", successorId: null },
        }),
      );
      const record = await scene.record();
      assert.deepEqual(
        [record.status, record.held, record.wakeAt, record.waitingFor],
        ["cancelled", false, null, null],
      );
      assert.equal(await scene.store.unhold([lane]), 0);
    },
  },
];
