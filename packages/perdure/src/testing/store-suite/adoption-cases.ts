/** New runs that a worker takes in the transaction that creates them. */
import assert from "node:assert/strict";
import type { Adoption, ClaimedRun, CreateAnswer } from "../../store.ts";
import { lane, leaseMs, newRun, writeOf, type SceneCase } from "./store-scene.ts";

function adoption(fields: Partial<Adoption> = {}): Adoption {
  return { workerId: "w1", lanes: [lane], limit: 10, claim: "adopted", ...fields };
}

function claimedOf(answers: CreateAnswer[]): (ClaimedRun | undefined)[] {
  return answers.map((answer) => (answer.status === "created" ? answer.claimed : undefined));
}

export const adoptionCases: readonly SceneCase[] = [
  {
    name: "a new run is claimed as a claim would have claimed it",
    async check(scene) {
      await scene.register();
      const [claimed] = claimedOf(await scene.store.create([newRun("r1")], adoption()));
      assert.ok(claimed);
      assert.deepEqual(claimed.run, await scene.record());
      assert.deepEqual(claimed.events, await scene.store.history({ runId: "r1", afterSeq: 0, limit: 10 }));
      const { status, workerId, claim, crashCount, wakeAt, nextSeq, commitNumber } = claimed.run;
      assert.deepEqual(
        [status, workerId, claim, crashCount, wakeAt, nextSeq, commitNumber],
        ["running", "w1", "adopted.0", 1, null, 2, 0],
      );
      assert.deepEqual([claimed.previousClaim, claimed.hot, claimed.messages], [null, false, []]);
    },
  },
  {
    name: "an adopted run is written by its owner, and by nobody else",
    async check(scene) {
      await scene.register();
      const [claimed] = claimedOf(await scene.store.create([newRun("r1")], adoption()));
      const write = writeOf(claimed!);
      const foreign = await scene.store.commit([{ ...write, claim: "adopted.1" }]);
      assert.equal(foreign.answers[0]?.status, "stale");
      await scene.accept(write);
    },
  },
  {
    name: "no more than the limit are taken, the first ones, and the others are due",
    async check(scene) {
      await scene.register();
      const runs = ["r1", "r2", "r3"].map((id) => newRun(id));
      const claimed = claimedOf(await scene.store.create(runs, adoption({ limit: 2 })));
      assert.deepEqual(
        claimed.map((run) => run?.run.claim),
        ["adopted.0", "adopted.1", undefined],
      );
      await scene.take("r3");
    },
  },
  {
    name: "a run that exists takes no place, and stays whose it is",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      const answers = await scene.store.create([newRun("r1"), newRun("r2")], adoption({ limit: 1 }));
      assert.equal(answers[0]?.status, "exists");
      assert.equal(claimedOf(answers)[1]?.run.id, "r2");
      assert.equal((await scene.record()).workerId, null);
    },
  },
  {
    name: "a run that begins later, or in another lane, is not taken",
    async check(scene) {
      await scene.register();
      const runs = [newRun("r1", { startAfterMs: leaseMs }), newRun("r2", { workflow: "other" })];
      assert.deepEqual(claimedOf(await scene.store.create(runs, adoption())), [undefined, undefined]);
    },
  },
  {
    name: "a worker that is unknown, or whose lease has ended, gets none",
    async check(scene) {
      const unknown = await scene.store.create([newRun("r1")], adoption({ workerId: "nobody" }));
      assert.deepEqual(claimedOf(unknown), [undefined]);
      await scene.register("gone");
      await scene.store.unregister("gone");
      const gone = await scene.store.create([newRun("r2")], adoption({ workerId: "gone" }));
      assert.deepEqual(claimedOf(gone), [undefined]);
    },
  },
  {
    name: "an adopted run is named by renew, and freed with its worker",
    async check(scene) {
      await scene.register();
      await scene.store.create([newRun("r1")], adoption());
      const answer = await scene.store.renew({ workerId: "w1", claims: [] });
      assert.ok(answer.live);
      assert.deepEqual(answer.strange, [{ runId: "r1", claim: "adopted.0" }]);
      await scene.store.unregister("w1");
      const { status, workerId, crashCount } = await scene.record();
      assert.deepEqual([status, workerId, crashCount], ["pending", null, 0]);
    },
  },
];
