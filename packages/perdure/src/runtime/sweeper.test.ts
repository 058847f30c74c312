import { expect, test } from "vitest";
import { silentLogger } from "../logger.ts";
import type { Store } from "../store.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import type { Lease } from "./lease.ts";
import { Sweeper } from "./sweeper.ts";

function play(answers: ({ freed: number; more: boolean } | Error)[]): {
  clock: FakeClock;
  sweeper: Sweeper;
  lease: { isSettled: boolean };
  calls: () => number;
  told: () => number;
} {
  const clock = new FakeClock();
  const lease = { isSettled: true };
  let calls = 0;
  let told = 0;
  const store = {
    async expire() {
      calls++;
      const answer = answers.shift() ?? { freed: 0, more: false };
      if (answer instanceof Error) throw answer;
      return { now: clock.now(), workers: [], ...answer };
    },
  } as unknown as Store;
  const sweeper = new Sweeper({
    store,
    clock,
    logger: silentLogger,
    lease: lease as unknown as Lease,
    intervalMs: 1_000,
    onFreed: () => told++,
  });
  sweeper.begin();
  return { clock, sweeper, lease, calls: () => calls, told: () => told };
}

test("it frees nobody before its own worker has renewed for a whole lease", async () => {
  const { clock, lease, calls } = play([]);
  lease.isSettled = false;
  await clock.advance(10_000);
  expect(calls()).toBe(0);
  lease.isSettled = true;
  await clock.advance(1_000);
  expect(calls()).toBe(1);
});

test("it frees in chunks until nothing is left, and tells of each that had something", async () => {
  const { clock, calls, told } = play([
    { freed: 500, more: true },
    { freed: 0, more: true },
    { freed: 3, more: false },
  ]);
  await clock.advance(1_000);
  expect([calls(), told()]).toEqual([3, 2]);
});

test("a sweep that failed is tried again with the next beat", async () => {
  const { clock, calls, told } = play([new Error("away"), new Error("away"), { freed: 1, more: false }]);
  await clock.advance(3_000);
  expect([calls(), told()]).toEqual([3, 1]);
});

test("it stops between two chunks, and for good", async () => {
  const { clock, sweeper, calls } = play(Array.from({ length: 100 }, () => ({ freed: 1, more: true })));
  clock.step();
  sweeper.stop();
  await clock.advance(10_000);
  expect(calls()).toBe(1);
});
