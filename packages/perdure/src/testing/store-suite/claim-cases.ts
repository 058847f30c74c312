/** Claiming: which runs, in which order, with what. */
import assert from "node:assert/strict";
import { encodeEvent } from "../../model/event.ts";
import {
  completed,
  lane,
  leaseMs,
  newMessage,
  newRun,
  parked,
  runCompleted,
  stepCompleted,
  stepStarted,
  unownedWriteOf,
  writeOf,
  type SceneCase,
  type StoreScene,
} from "./store-scene.ts";

async function claimedIds(scene: StoreScene, overrides = {}): Promise<string[]> {
  return (await scene.claim(overrides)).runs.map(({ run }) => run.id);
}

export const claimCases: readonly SceneCase[] = [
  {
    name: "a claim takes the run: running, owned, counted, at commit 0",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      const before = await scene.record();
      const claimed = await scene.take("r1", { claim: "c" });
      assert.deepEqual(claimed.run, {
        ...before,
        status: "running",
        workerId: "w1",
        claim: "c.0",
        wakeAt: null,
        crashCount: 1,
        updatedAt: claimed.now,
      });
      assert.deepEqual(await scene.record(), claimed.run);
      assert.deepEqual([claimed.previousClaim, claimed.hot, claimed.messages], [null, false, []]);
    },
  },
  {
    name: "a claim brings all events and the claim before it",
    async check(scene) {
      const claimed = await scene.owned();
      const events = [stepStarted(), stepCompleted()];
      await scene.accept(writeOf(claimed, { events, leave: parked({ wakeAt: 1 }) }));
      const again = await scene.take();
      assert.equal(again.previousClaim, claimed.run.claim);
      assert.equal(again.run.nextSeq, 4);
      assert.equal(again.run.commitNumber, 0);
      assert.deepEqual(again.events, [
        claimed.events[0],
        encodeEvent(events[0]!, 2),
        encodeEvent(events[1]!, 3),
      ]);
    },
  },
  {
    name: "run number i of the answer gets the claim with .i",
    async check(scene) {
      await scene.register();
      await scene.store.create([newRun("a"), newRun("b"), newRun("c")]);
      const { runs } = await scene.claim({ claim: "x" });
      assert.deepEqual(
        runs.map(({ run }) => [run.id, run.claim]),
        [
          ["a", "x.0"],
          ["b", "x.1"],
          ["c", "x.2"],
        ],
      );
    },
  },
  {
    name: "higher priority goes first, then the longer due, then the id",
    async check(scene) {
      await scene.register();
      await scene.store.create([
        newRun("a", { startAt: 30 }),
        newRun("b", { startAt: 10 }),
        newRun("e", { startAt: 20 }),
        newRun("c", { startAt: 20 }),
        newRun("d", { startAt: 50, priority: 1 }),
        newRun("f", { startAt: 1, priority: -1 }),
      ]);
      assert.deepEqual(await claimedIds(scene), ["d", "b", "c", "e", "a", "f"]);
    },
  },
  {
    name: "the order holds over all lanes of a call",
    async check(scene) {
      await scene.register();
      const other = { ...lane, queue: "other" };
      await scene.store.create([
        newRun("a", { startAt: 20 }),
        newRun("b", { startAt: 10, ...other }),
        newRun("c", { startAt: 30, priority: 9, ...other }),
        newRun("d", { startAt: 5 }),
      ]);
      assert.deepEqual(await claimedIds(scene, { lanes: [lane, other], limit: 3 }), ["c", "d", "b"]);
    },
  },
  {
    name: "a claim takes no more than its limit, and the rest stays",
    async check(scene) {
      await scene.register();
      await scene.store.create(["a", "b", "c"].map((id) => newRun(id)));
      assert.deepEqual(await claimedIds(scene, { limit: 2 }), ["a", "b"]);
      assert.deepEqual(await claimedIds(scene, { limit: 2 }), ["c"]);
      assert.deepEqual(await claimedIds(scene, { limit: 2 }), []);
    },
  },
  {
    name: "a limit of zero takes nothing",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      const answer = await scene.claim({ limit: 0 });
      assert.deepEqual([answer.live, answer.runs, answer.nextDueAt], [true, [], null]);
      await scene.take();
    },
  },
  {
    name: "a lane is queue, workflow and version together",
    async check(scene) {
      await scene.register();
      await scene.store.create([
        newRun("queue", { queue: "other" }),
        newRun("workflow", { workflow: "other" }),
        newRun("version", { version: "2" }),
        newRun("case", { workflow: "Order" }),
        newRun("mine"),
      ]);
      assert.deepEqual(await claimedIds(scene), ["mine"]);
      assert.deepEqual(await claimedIds(scene, { lanes: [{ ...lane, version: "2" }] }), ["version"]);
      assert.deepEqual(await claimedIds(scene, { lanes: [] }), []);
    },
  },
  {
    name: "lanes whose names would run together are kept apart",
    async check(scene) {
      await scene.register();
      await scene.create("r1", { queue: 'a","b', workflow: "c" });
      assert.deepEqual(await claimedIds(scene, { lanes: [{ ...lane, queue: "a", workflow: 'b","c' }] }), []);
    },
  },
  {
    name: "a lane that is named twice gives each run once",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      assert.deepEqual(await claimedIds(scene, { lanes: [lane, { ...lane }, lane] }), ["r1"]);
    },
  },
  {
    name: "an owned run is not claimed again, not by its owner either",
    async check(scene) {
      await scene.owned();
      await scene.register("w2");
      assert.deepEqual(await claimedIds(scene), []);
      assert.deepEqual(await claimedIds(scene, { workerId: "w2" }), []);
    },
  },
  {
    name: "a run that has ended, or waits for its inbox alone, is not claimed",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [runCompleted], leave: completed }));
      await scene.create("r2");
      await scene.accept(writeOf(await scene.take("r2"), { leave: parked() }));
      const answer = await scene.claim();
      assert.deepEqual([answer.runs, answer.nextDueAt], [[], null]);
    },
  },
  {
    name: "a run is due at its millisecond and not before",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.create("r1", { startAfterMs: 1000 });
      await scene.advance(999);
      assert.deepEqual(await claimedIds(scene), []);
      await scene.advance(1);
      await scene.take();
    },
  },
  {
    name: "runs whose time comes are ordered by priority among those already due",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.create("due");
      await scene.create("later", { startAfterMs: 100, priority: 5 });
      assert.deepEqual(await claimedIds(scene, { limit: 0 }), []);
      await scene.advance(100);
      assert.deepEqual(await claimedIds(scene), ["later", "due"]);
    },
  },
  {
    name: "nextDueAt is the earliest time of these lanes that is still to come",
    async check(scene) {
      await scene.register();
      const far = 4_102_444_800_000;
      await scene.store.create([
        newRun("a", { startAt: far + 2 }),
        newRun("b", { startAt: far + 1 }),
        newRun("c", { startAt: far, queue: "other" }),
        newRun("due"),
      ]);
      const answer = await scene.claim();
      assert.deepEqual([answer.runs.length, answer.nextDueAt], [1, far + 1]);
      const all = await scene.claim({ lanes: [lane, { ...lane, queue: "other" }] });
      assert.equal(all.nextDueAt, far);
    },
  },
  {
    name: "nextDueAt is not told when the limit was reached",
    async check(scene) {
      await scene.register();
      await scene.create("due");
      await scene.create("later", { startAfterMs: leaseMs });
      assert.equal((await scene.claim({ limit: 1 })).nextDueAt, null);
    },
  },
  {
    name: "nextDueAt forgets a time that no longer holds",
    async check(scene) {
      const claimed = await scene.owned();
      const soon = claimed.now + leaseMs;
      await scene.accept(writeOf(claimed, { leave: parked({ wakeAt: soon }) }));
      assert.equal((await scene.claim()).nextDueAt, soon);
      await scene.store.deliver([newMessage("r1", "m1")]);
      const again = await scene.take();
      assert.equal((await scene.claim()).nextDueAt, null);
      await scene.accept(writeOf(again, { leave: parked({ wakeAt: soon + 5, readInboxSeq: 1 }) }));
      assert.equal((await scene.claim()).nextDueAt, soon + 5);
    },
  },
  {
    name: "nextDueAt counts held runs",
    async check(scene) {
      const claimed = await scene.owned();
      const waitingFor = { kind: "code", code: "X", message: "m", retryAt: 1 } as const;
      await scene.accept(writeOf(claimed, { leave: { status: "held", wakeAfterMs: 5000_000, waitingFor } }));
      assert.equal((await scene.claim()).nextDueAt, (await scene.record()).wakeAt);
    },
  },
  {
    name: "a hot execution of the last claim and seq gets no events",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [stepStarted()], leave: parked() }));
      await scene.store.deliver([newMessage("r1", "m1")]);
      const hot = new Map([["r1", { claim: claimed.run.claim!, seq: 2 }]]);
      const again = await scene.take("r1", { hot });
      assert.deepEqual([again.hot, again.events, again.messages.length], [true, [], 1]);
      assert.equal(again.previousClaim, claimed.run.claim);
    },
  },
  {
    name: "a hot execution of an older claim gets everything",
    async check(scene) {
      const first = await scene.owned();
      await scene.accept(writeOf(first, { leave: parked({ wakeAt: 1 }) }));
      const second = await scene.take();
      await scene.accept(writeOf(second, { leave: parked({ wakeAt: 1 }) }));
      const hot = new Map([["r1", { claim: first.run.claim!, seq: 1 }]]);
      const third = await scene.take("r1", { hot });
      assert.deepEqual([third.hot, third.events.length], [false, 1]);
    },
  },
  {
    name: "a hot execution of another seq gets everything",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(writeOf(claimed, { events: [stepStarted()], leave: parked({ wakeAt: 1 }) }));
      const hot = new Map([["r1", { claim: claimed.run.claim!, seq: 1 }]]);
      const again = await scene.take("r1", { hot });
      assert.deepEqual([again.hot, again.events.length], [false, 2]);
    },
  },
  {
    name: "a hot execution is cold when somebody wrote without a claim",
    async check(scene) {
      const claimed = await scene.owned();
      await scene.accept(
        writeOf(claimed, { events: [stepStarted()], leave: { status: "failed", successorId: null } }),
      );
      const rewound = { type: "run.rewound", at: 9, to: 1 } as const;
      await scene.accept(
        unownedWriteOf(await scene.record(), {
          events: [rewound],
          leave: { status: "pending", deadlineAfterMs: null },
        }),
      );
      const hot = new Map([["r1", { claim: claimed.run.claim!, seq: 2 }]]);
      const again = await scene.take("r1", { hot });
      assert.deepEqual([again.hot, again.events.length, again.previousClaim], [false, 3, claimed.run.claim]);
    },
  },
  {
    name: "hot entries of other runs do no harm",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      const hot = new Map([["r2", { claim: "c", seq: 1 }]]);
      assert.equal((await scene.take("r1", { hot })).hot, false);
    },
  },
  {
    name: "a claim ends what the run waited for",
    async check(scene) {
      const claimed = await scene.owned();
      const waitingFor = { kind: "timer", op: 1, name: "nap", dueAt: 1, others: 0 } as const;
      await scene.accept(writeOf(claimed, { leave: parked({ wakeAt: 1, waitingFor }) }));
      assert.deepEqual((await scene.record()).waitingFor, waitingFor);
      assert.equal((await scene.take()).run.waitingFor, null);
    },
  },
  {
    name: "each claim counts one crash until an outcome is recorded",
    needs: "advance",
    async check(scene) {
      await scene.create("r1");
      for (let count = 1; count <= 3; count++) {
        await scene.register(`w${count}`);
        const { run } = await scene.take("r1", { workerId: `w${count}` });
        assert.equal(run.crashCount, count);
        await scene.advance(leaseMs);
        await scene.store.expire(10);
      }
      assert.equal((await scene.record()).crashCount, 3);
    },
  },
  {
    name: "no run is lost when the clock is stepped back, and none comes early",
    needs: "advance",
    async check(scene) {
      await scene.register();
      await scene.create("r1");
      await scene.create("r2", { priority: 1 });
      // Whatever the store has sorted as due must be sorted anew.
      await scene.claim({ limit: 0 });
      await scene.advance(-1000);
      const early = await scene.claim();
      assert.deepEqual([early.live, early.runs], [true, []]);
      assert.equal(early.nextDueAt, early.now + 1000);
      await scene.create("r3", { priority: -1 });
      assert.deepEqual(await claimedIds(scene), ["r3"]);
      await scene.advance(1000);
      assert.deepEqual(await claimedIds(scene), ["r2", "r1"]);
    },
  },
  {
    name: "a claim finds its runs among many that sleep",
    async check(scene) {
      await scene.register();
      const sleeping = Array.from({ length: 2000 }, (_, index) =>
        newRun(`s${index}`, { startAt: 4_102_444_800_000 + index, priority: 5 }),
      );
      await scene.store.create([...sleeping, newRun("due")]);
      assert.deepEqual(await claimedIds(scene), ["due"]);
    },
  },
];
