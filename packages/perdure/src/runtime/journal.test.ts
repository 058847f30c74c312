import { expect, test } from "vitest";
import { PerdureError } from "../errors.ts";
import { silentLogger } from "../logger.ts";
import type { CommitAnswer, RunWrite, Store } from "../store.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { Journal, LeaseLost } from "./journal.ts";
import { StoreTime } from "./store-time.ts";

interface Played {
  clock: FakeClock;
  lease: { isLive: boolean };
  storeTime: StoreTime;
  batches: string[][];
  commit: (runId: string) => Promise<unknown>;
}

function play(answer: (batch: string[], count: number) => CommitAnswer | Error): Played {
  const clock = new FakeClock();
  const storeTime = new StoreTime(clock);
  const lease = { isLive: true };
  const batches: string[][] = [];
  const store = {
    async commit(writes: RunWrite[]) {
      const batch = writes.map(({ runId }) => runId);
      batches.push(batch);
      const given = answer(batch, batches.length);
      if (given instanceof Error) throw given;
      return given;
    },
  } as unknown as Store;
  const journal = new Journal({
    store,
    storeTime,
    clock,
    entropy: { bytes: (size) => new Uint8Array(size), fraction: () => 0 },
    logger: silentLogger,
    isLive: () => lease.isLive,
  });
  const commit = (runId: string): Promise<unknown> =>
    new Promise((resolve, reject) => journal.submit({ runId } as RunWrite, resolve, reject));
  return { clock, lease, storeTime, batches, commit };
}

const accepted = (batch: string[]): CommitAnswer => ({
  now: 5_000,
  answers: batch.map(() => ({ status: "accepted" })),
});

test("J1, J2: writes of one turn travel together, each gets its own answer, and the store's time is learned", async () => {
  const { batches, commit, storeTime } = play((batch) => ({
    now: 5_000,
    answers: batch.map((runId) =>
      runId === "b" ? { status: "stale", mine: false } : { status: "accepted" },
    ),
  }));
  const answers = await Promise.all([commit("a"), commit("b"), commit("c")]);
  expect(batches).toEqual([["a", "b", "c"]]);
  expect(answers).toEqual([{ status: "accepted" }, { status: "stale", mine: false }, { status: "accepted" }]);
  expect(storeTime.now()).toBe(5_000);
});

test("J2: one transaction takes a thousand writes at the most", async () => {
  const { batches, commit } = play(accepted);
  await Promise.all(Array.from({ length: 2_500 }, (_, n) => commit(String(n))));
  expect(batches.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
});

test("J3: a batch that the store could not take is tried again as it is, with growing delays", async () => {
  const { clock, batches, commit } = play((batch, count) =>
    count <= 4 ? new PerdureError("STORE_FULL", "full") : accepted(batch),
  );
  const both = Promise.all([commit("a"), commit("b")]);
  await clock.advance(0);
  await clock.advance(20 + 40 + 80 + 160 - 1);
  expect(batches.length).toBe(4);
  await clock.advance(1);
  await both;
  expect(batches).toEqual(Array.from({ length: 5 }, () => ["a", "b"]));
});

test("J1: when the lease ends first, a write fails with LeaseLost, and nothing is sent any more", async () => {
  const { clock, lease, batches, commit } = play(() => new Error("away"));
  const lost = commit("a").catch((error: unknown) => error);
  await clock.advance(0);
  lease.isLive = false;
  await clock.advance(10_000);
  expect(await lost).toBeInstanceOf(LeaseLost);
  const sent = batches.length;
  expect(await commit("b").catch((error: unknown) => error)).toBeInstanceOf(LeaseLost);
  expect(batches.length).toBe(sent);
});

test("a store that was closed is not asked again", async () => {
  const { batches, commit } = play(() => new PerdureError("ALREADY_CLOSED", "closed"));
  expect(await commit("a").catch((error: unknown) => error)).toBeInstanceOf(LeaseLost);
  expect(batches.length).toBe(1);
});
