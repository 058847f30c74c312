/** Ends: each status, and that it stays. */
import assert from "node:assert/strict";
import type { NewEvent } from "../../model/event.ts";
import type { EndedStatus } from "../../model/run.ts";
import {
  newMessage,
  stepStarted,
  unownedWriteOf,
  writeOf,
  type SceneCase,
  type StoreScene,
} from "./store-scene.ts";

const ends: Record<EndedStatus, NewEvent> = {
  completed: { type: "run.completed", at: 7, payload: '"out"' },
  failed: { type: "run.failed", at: 7, payload: '"why"' },
  cancelled: { type: "run.cancelled", at: 7, payload: '"stop"' },
  continued: { type: "run.completed", at: 7, payload: '"next"' },
};

export const endedStatusCases: readonly SceneCase[] = (
  Object.entries(ends) as [EndedStatus, NewEvent & { payload: string }][]
).flatMap(([status, event]) => [
  {
    name: `a ${status} run is nobody's, waits for nothing, and has its payload and successor`,
    async check(scene: StoreScene) {
      const claimed = await scene.owned();
      await scene.store.deliver([newMessage("r1", "m1")]);
      const { now } = await scene.store.commit([
        writeOf(claimed, { events: [stepStarted(), event], leave: { status, successorId: "next" } }),
      ]);
      const snapshot = await scene.store.run("r1");
      assert.deepEqual(snapshot?.run, {
        ...claimed.run,
        status,
        workerId: null,
        wakeAt: null,
        nextSeq: 4,
        commitNumber: 1,
        inboxSeq: 1,
        crashCount: 0,
        successorId: "next",
        updatedAt: now,
      });
      assert.equal(snapshot.payload, event.payload);
    },
  },
  {
    name: `a ${status} run is not ended again`,
    async check(scene: StoreScene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [event], leave: { status, successorId: null } }));
      const before = await scene.record();
      const other: EndedStatus = status === "completed" ? "cancelled" : "completed";
      const again = { events: [ends[other]], leave: { status: other, successorId: null } } as const;
      assert.equal(
        (await scene.commit(writeOf(claimed, { ...again, nextSeq: 3, commitNumber: 2 }))).status,
        "stale",
      );
      assert.deepEqual(await scene.commit(unownedWriteOf(before, again)), { status: "stale", mine: false });
      await scene.store.release([{ runId: "r1", claim: claimed.run.claim! }]);
      await scene.store.unregister("w1");
      assert.deepEqual(await scene.record(), before);
    },
  },
]);
