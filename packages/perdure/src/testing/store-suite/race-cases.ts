/** Races, made to meet: two stores over the same data where the subject has them, else two calls at once on one. */
import assert from "node:assert/strict";
import type { ClaimedRun, Store, WriteAnswer } from "../../store.ts";
import {
  completed,
  leaseMs,
  newMessage,
  newRun,
  parked,
  runCancelled,
  runCompleted,
  stepStarted,
  unownedWriteOf,
  writeOf,
  type SceneCase,
} from "./store-scene.ts";

/** Starts both in turns first, so that each has its head start. */
async function meet<A, B>(round: number, left: () => Promise<A>, right: () => Promise<B>): Promise<[A, B]> {
  if (round % 2 === 0) return Promise.all([left(), right()]);
  const late = right();
  return Promise.all([left(), late]);
}

async function commitOne(store: Store, ...args: Parameters<typeof writeOf>): Promise<WriteAnswer> {
  return (await store.commit([writeOf(...args)])).answers[0]!;
}

export const raceCases: readonly SceneCase[] = [
  {
    name: "two claimers share what is due: each run once, none left",
    async check(scene) {
      const other = await scene.second();
      await scene.register("w1");
      await scene.register("w2");
      for (let round = 0; round < 50; round++) {
        const ids = Array.from({ length: 10 }, (_, index) => `r${round}.${index}`);
        await scene.store.create(ids.map((id) => newRun(id)));
        const claims = await meet(
          round,
          () => scene.claim({ limit: 6 }),
          () => scene.claim({ workerId: "w2", limit: 6 }, other),
        );
        const claimed = claims.flatMap(({ runs }) => runs.map(({ run }) => run.id));
        assert.deepEqual(claimed.sort(), ids.sort());
      }
    },
  },
  {
    name: "ten claimers of one run: one gets it",
    async check(scene) {
      const other = await scene.second();
      await scene.register("w1");
      for (let round = 0; round < 20; round++) {
        await scene.create(`r${round}`);
        const claims = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            scene.claim({ limit: 1 }, index % 2 ? other : scene.store),
          ),
        );
        assert.equal(claims.flatMap(({ runs }) => runs).length, 1);
      }
    },
  },
  {
    name: "a commit against a takeover: written before it, or refused",
    async check(scene) {
      const other = await scene.second();
      await scene.register("w1");
      await scene.register("w2");
      for (let round = 0; round < 100; round++) {
        const id = `r${round}`;
        await scene.create(id);
        const owner = await scene.take(id);
        const [answer, heir] = await meet(
          round,
          () => commitOne(scene.store, owner, { events: [stepStarted()] }),
          async () => {
            await other.release([{ runId: id, claim: owner.run.claim! }]);
            return (await scene.claim({ workerId: "w2" }, other)).runs[0]!;
          },
        );
        const isWritten = answer.status === "accepted";
        if (!isWritten) assert.deepEqual(answer, { status: "stale", mine: false });
        assert.equal(heir.events.length, isWritten ? 2 : 1);
        assert.equal(heir.run.nextSeq, heir.events.length + 1);
        const late = writeOf(owner, { nextSeq: heir.run.nextSeq, commitNumber: 2 });
        assert.deepEqual(await scene.commit(late), { status: "stale", mine: false });
        await scene.accept(writeOf(heir, { events: [runCompleted], leave: completed }));
      }
    },
  },
  {
    name: "a message against a park, a thousand times: none is missed",
    async check(scene) {
      const other = await scene.second();
      let claimed: ClaimedRun = await scene.owned();
      for (let round = 0; round < 1000; round++) {
        const id = `m${round}`;
        const leave = parked({ readInboxSeq: round });
        const [answer, delivered] = await meet(
          round,
          () => commitOne(scene.store, claimed, { leave }),
          () => other.deliver([newMessage("r1", id)]),
        );
        assert.deepEqual(delivered, ["delivered"]);
        if (answer.status === "kept") {
          const loaded = await scene.store.load({ runId: "r1", claim: claimed.run.claim!, afterSeq: 1 });
          assert.ok(loaded);
          claimed = loaded;
        } else {
          assert.deepEqual(answer, { status: "accepted" });
          claimed = await scene.take();
        }
        assert.deepEqual(
          claimed.messages.map((message) => message.id),
          [id],
        );
        const write = writeOf(claimed, { consumed: [id] });
        await scene.accept(write);
        claimed = { ...claimed, run: { ...claimed.run, commitNumber: write.commitNumber } };
      }
    },
  },
  {
    name: "a claim against a release: the run is the other's, or due",
    async check(scene) {
      const other = await scene.second();
      await scene.register("w2");
      let claimed = await scene.owned();
      for (let round = 0; round < 100; round++) {
        const [answer] = await meet(
          round,
          () => scene.claim({ workerId: "w2" }, other),
          () => scene.store.release([{ runId: "r1", claim: claimed.run.claim! }]),
        );
        if (answer.runs.length === 0) await scene.take("r1", { workerId: "w2" });
        const { claim, workerId } = await scene.record();
        assert.equal(workerId, "w2");
        await scene.store.release([{ runId: "r1", claim: claim! }]);
        claimed = await scene.take();
        assert.equal(claimed.run.crashCount, 1);
      }
    },
  },
  {
    name: "two creates of one key at once: one run, and both learn its id",
    async check(scene) {
      const other = await scene.second();
      for (let round = 0; round < 50; round++) {
        const key = `k${round}`;
        const answers = await meet(
          round,
          () => scene.store.create([newRun(`a${round}`, { idempotencyKey: key })]),
          () => other.create([newRun(`b${round}`, { idempotencyKey: key })]),
        );
        const [left, right] = answers.flat();
        assert.equal(left?.id, right?.id);
        assert.deepEqual([left?.status, right?.status].sort(), ["created", "exists"]);
      }
      assert.deepEqual(await scene.store.count({}), { pending: 50 });
    },
  },
  {
    name: "a hundred creates of one id at once: one run",
    async check(scene) {
      const other = await scene.second();
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => (index % 2 ? other : scene.store).create([newRun("r1")])),
      );
      assert.equal(answers.flat().filter(({ status }) => status === "created").length, 1);
      assert.deepEqual(await scene.historyTypes(), ["run.created"]);
    },
  },
  {
    name: "one message delivered twice at once is there once",
    async check(scene) {
      const other = await scene.second();
      await scene.create("r1");
      for (let round = 0; round < 50; round++) {
        const messages = [newMessage("r1", `m${round}`)];
        const answers = await meet(
          round,
          () => scene.store.deliver(messages),
          () => other.deliver(messages),
        );
        assert.deepEqual(answers.flat().sort(), ["delivered", "repeated"]);
      }
      assert.equal((await scene.record()).inboxSeq, 50);
    },
  },
  {
    name: "messages delivered at once get numbers without gap",
    async check(scene) {
      const other = await scene.second();
      await scene.register();
      await scene.create("r1");
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          (index % 2 ? other : scene.store).deliver([newMessage("r1", `m${index}`)]),
        ),
      );
      const { messages } = await scene.take();
      assert.deepEqual(
        messages.map(({ seq }) => seq),
        messages.map((_, index) => index + 1),
      );
      assert.equal(messages.length, 50);
    },
  },
  {
    name: "one write sent twice at once is written once, and both are told so",
    async check(scene) {
      const other = await scene.second();
      let claimed = await scene.owned();
      for (let round = 0; round < 50; round++) {
        const overrides = { events: [stepStarted(round)] };
        const answers = await meet(
          round,
          () => commitOne(scene.store, claimed, overrides),
          () => commitOne(other, claimed, overrides),
        );
        assert.deepEqual(answers, [{ status: "accepted" }, { status: "accepted" }]);
        claimed = { ...claimed, run: await scene.record() };
      }
      assert.equal((await scene.historyTypes()).length, 51);
    },
  },
  {
    name: "the owner's end against somebody's terminate: the run ends once",
    async check(scene) {
      const other = await scene.second();
      await scene.register();
      for (let round = 0; round < 50; round++) {
        const id = `r${round}`;
        await scene.create(id);
        const before = await scene.record(id);
        const [claim, answers] = await meet(
          round,
          () => scene.claim(),
          () =>
            other.commit([
              unownedWriteOf(before, {
                events: [runCancelled],
                leave: { status: "cancelled", successorId: null },
              }),
            ]),
        );
        const claimed = claim.runs[0];
        assert.equal(answers.answers[0]?.status, claimed ? "stale" : "accepted");
        if (claimed) await scene.accept(writeOf(claimed, { events: [runCompleted], leave: completed }));
        assert.equal((await scene.historyTypes(id)).length, 2);
        assert.equal((await scene.record(id)).status, claimed ? "completed" : "cancelled");
      }
    },
  },
  {
    name: "two successors of one run at once: one is linked",
    async check(scene) {
      const other = await scene.second();
      await scene.accept(writeOf(await scene.owned(), { events: [runCompleted], leave: completed }));
      const answers = await Promise.all([
        scene.store.create([newRun("a", { replaces: "r1" })]),
        other.create([newRun("b", { replaces: "r1" })]),
      ]);
      const created = answers.flat().filter(({ status }) => status === "created");
      assert.equal(created.length, 1);
      assert.equal((await scene.record()).successorId, created[0]?.id);
    },
  },
  {
    name: "two sweepers at once free each run once",
    needs: "advance",
    async check(scene) {
      const other = await scene.second();
      await scene.register();
      await scene.store.create(Array.from({ length: 40 }, (_, index) => newRun(`r${index}`)));
      await scene.claim();
      await scene.advance(leaseMs);
      let freed = 0;
      for (let more = true; more;) {
        const answers = await Promise.all([scene.store.expire(7), other.expire(7)]);
        freed += answers[0].freed + answers[1].freed;
        more = answers.some((answer) => answer.more);
      }
      assert.equal(freed, 40);
      assert.deepEqual(await scene.store.workers(), []);
    },
  },
  {
    name: "a worker that leaves while it claims owns nothing afterwards",
    async check(scene) {
      const other = await scene.second();
      for (let round = 0; round < 50; round++) {
        const workerId = `w${round}`;
        await scene.register(workerId);
        await scene.create(`r${round}`);
        const [answer] = await meet(
          round,
          () => scene.claim({ workerId }),
          () => other.unregister(workerId),
        );
        assert.equal((await scene.record(`r${round}`)).workerId, null);
        assert.equal(answer.live || answer.runs.length === 0, true);
      }
      assert.deepEqual(await scene.store.count({ status: ["running"] }), {});
    },
  },
];
