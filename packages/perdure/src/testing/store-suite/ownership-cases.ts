/** Reading an owned run again, handing it back, and what a claim that was lost can no longer do. */
import assert from "node:assert/strict";
import type { ClaimedRun } from "../../store.ts";
import {
  completed,
  heldForCode,
  leaseMs,
  newMessage,
  newRun,
  parked,
  runCompleted,
  stepStarted,
  writeOf,
  type SceneCase,
  type StoreScene,
} from "./store-scene.ts";

/** The run `r1` was w1's under `lost`, and is w2's now. */
async function takenOver(scene: StoreScene): Promise<{ lost: ClaimedRun; current: ClaimedRun }> {
  await scene.register("w2");
  const lost = await scene.owned();
  await scene.store.release([{ runId: "r1", claim: lost.run.claim! }]);
  return { lost, current: await scene.take("r1", { workerId: "w2" }) };
}

const lostWrites: Record<string, Parameters<typeof writeOf>[1]> = {
  "an event": { events: [stepStarted()] },
  "nothing at all": {},
  "an outcome": { events: [stepStarted()], progress: true },
  "its park": { leave: parked() },
  "its hold": { leave: heldForCode },
  "its yield": { leave: { status: "pending", deadlineAfterMs: 5 } },
  "its completion": { events: [runCompleted], leave: completed },
  "its failure": { events: [runCompleted], leave: { status: "failed", successorId: "x" } },
  "its cancellation": { leave: { status: "cancelled", successorId: null } },
  "its continuation": { leave: { status: "continued", successorId: "x" } },
  "a consumed message": { consumed: ["m1"] },
  "a new run": { runs: [newRun("child")] },
};

export const ownershipCases: readonly SceneCase[] = [
  ...Object.entries(lostWrites).map(([what, overrides]) => ({
    name: `a claim that was lost cannot write ${what}`,
    async check(scene: StoreScene) {
      const { lost, current } = await takenOver(scene);
      await scene.store.deliver([newMessage("r1", "m1")]);
      const before = await scene.record();
      assert.deepEqual(await scene.commit(writeOf(lost, overrides)), { status: "stale", mine: false });
      assert.deepEqual(await scene.record(), before);
      assert.deepEqual(await scene.historyTypes(), ["run.created"]);
      assert.equal(await scene.store.run("child"), undefined);
      const loaded = await scene.store.load({ runId: "r1", claim: current.run.claim!, afterSeq: 0 });
      assert.equal(loaded?.messages.length, 1);
    },
  })),
  {
    name: "a claim that was lost cannot release",
    async check(scene) {
      const { lost, current } = await takenOver(scene);
      await scene.store.release([{ runId: "r1", claim: lost.run.claim! }]);
      assert.deepEqual(await scene.record(), current.run);
    },
  },
  {
    name: "a claim that was lost cannot load",
    async check(scene) {
      const { lost } = await takenOver(scene);
      assert.equal(await scene.store.load({ runId: "r1", claim: lost.run.claim!, afterSeq: 0 }), undefined);
    },
  },
  {
    name: "a worker that lost its run frees nothing of the new owner's by leaving",
    async check(scene) {
      const { current } = await takenOver(scene);
      await scene.store.unregister("w1");
      assert.deepEqual(await scene.record(), current.run);
    },
  },
  {
    name: "the same worker is fenced against its own earlier claim",
    async check(scene) {
      const first = await scene.owned();
      await scene.store.release([{ runId: "r1", claim: first.run.claim! }]);
      const second = await scene.take();
      const answer = await scene.commit(writeOf(first, { events: [stepStarted()] }));
      assert.deepEqual(answer, { status: "stale", mine: false });
      await scene.accept(writeOf(second, { events: [stepStarted()] }));
    },
  },
  {
    name: "load gives the row, the events after a seq and the messages",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [stepStarted()] }));
      await scene.store.deliver([newMessage("r1", "m1")]);
      const claim = claimed.run.claim!;
      const all = await scene.store.load({ runId: "r1", claim, afterSeq: 0 });
      assert.ok(all);
      assert.deepEqual(all.run, await scene.record());
      assert.deepEqual([all.previousClaim, all.hot, all.messages.length], [null, false, 1]);
      assert.deepEqual(
        all.events.map(({ seq }) => seq),
        [1, 2],
      );
      const rest = await scene.store.load({ runId: "r1", claim, afterSeq: 1 });
      assert.deepEqual([rest?.hot, rest?.events], [true, all.events.slice(1)]);
      const none = await scene.store.load({ runId: "r1", claim, afterSeq: 2 });
      assert.deepEqual(none?.events, []);
    },
  },
  {
    name: "load counts no crash and changes nothing",
    async check(scene) {
      const { run } = await scene.owned();
      await scene.store.load({ runId: "r1", claim: run.claim!, afterSeq: 0 });
      assert.deepEqual(await scene.record(), run);
    },
  },
  {
    name: "load of a run that was left, or does not exist, finds nothing",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { leave: parked() }));
      assert.equal(
        await scene.store.load({ runId: "r1", claim: claimed.run.claim!, afterSeq: 0 }),
        undefined,
      );
      assert.equal(await scene.store.load({ runId: "nobody", claim: "c", afterSeq: 0 }), undefined);
    },
  },
  {
    name: "release makes the run due, pending when it has only its first event, and keeps its claim",
    async check(scene) {
      const { run } = await scene.owned();
      await scene.store.release([{ runId: "r1", claim: run.claim! }]);
      const after = await scene.record();
      assert.deepEqual(after, {
        ...run,
        status: "pending",
        workerId: null,
        wakeAt: run.createdAt,
        crashCount: 0,
        updatedAt: after.updatedAt,
      });
      assert.equal((await scene.take()).previousClaim, run.claim);
    },
  },
  {
    name: "release of a run with more events leaves it suspended",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [stepStarted()] }));
      await scene.store.release([{ runId: "r1", claim: claimed.run.claim! }]);
      assert.equal((await scene.record()).status, "suspended");
    },
  },
  {
    name: "release takes off the claim's own crash alone",
    needs: "advance",
    async check(scene) {
      await scene.owned();
      await scene.advance(leaseMs);
      await scene.store.expire(10);
      await scene.register("w2");
      const { run } = await scene.take("r1", { workerId: "w2" });
      assert.equal(run.crashCount, 2);
      await scene.store.release([{ runId: "r1", claim: run.claim! }]);
      assert.equal((await scene.record()).crashCount, 1);
    },
  },
  {
    name: "the crash count never falls below zero",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [stepStarted()], progress: true }));
      await scene.store.release([{ runId: "r1", claim: claimed.run.claim! }]);
      assert.equal((await scene.record()).crashCount, 0);
    },
  },
  {
    name: "release passes over claims that are not current",
    async check(scene) {
      await scene.register();
      for (const id of ["a", "b", "c"]) await scene.create(id);
      const { runs } = await scene.claim({ claim: "x" });
      await scene.accept(writeOf(runs[1]!, { leave: parked() }));
      await scene.store.release([
        { runId: "a", claim: "x.9" },
        { runId: "b", claim: "x.1" },
        { runId: "nobody", claim: "x.0" },
        { runId: "c", claim: "x.2" },
        { runId: "c", claim: "x.2" },
      ]);
      assert.deepEqual(await scene.record("a"), runs[0]!.run);
      assert.equal((await scene.record("b")).wakeAt, null);
      const { workerId, crashCount } = await scene.record("c");
      assert.deepEqual([workerId, crashCount], [null, 0]);
    },
  },
];
