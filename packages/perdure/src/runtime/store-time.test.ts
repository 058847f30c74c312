import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { StoreTime } from "./store-time.ts";

test("the estimate is never ahead of the store, however long answers take and however clocks differ", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 5_000 }), fc.nat({ max: 5_000 }), fc.boolean())),
      fc.integer({ min: -1e9, max: 1e9 }),
      (beats, skew) => {
        const clock = new FakeClock(1_000_000_000_000);
        const storeTime = new StoreTime(clock);
        const storeNow = (): number => Math.floor(clock.now() + skew);
        for (const [answerMs, waitMs, isHeard] of beats) {
          const told = storeNow();
          clock.leap(answerMs);
          if (isHeard) storeTime.learn(told);
          clock.leap(waitMs);
          assert.ok(storeTime.now() <= storeNow());
        }
      },
    ),
  );
});

test("what is due here is due at the store", () => {
  fc.assert(
    fc.property(fc.nat({ max: 10_000 }), fc.nat({ max: 10_000 }), (dueIn, waited) => {
      const clock = new FakeClock();
      const storeTime = new StoreTime(clock);
      storeTime.learn(clock.now());
      const dueAt = clock.now() + dueIn;
      clock.leap(waited);
      assert.equal(storeTime.until(dueAt) === 0, clock.now() >= dueAt);
      assert.equal(storeTime.until(dueAt), Math.max(0, dueIn - waited));
    }),
  );
});

test("the process's own wall clock has no say, and a store's clock that was set back is followed", () => {
  const clock = new FakeClock();
  const storeTime = new StoreTime(clock);
  storeTime.learn(5_000);
  clock.stepWall(86_400_000);
  expect(storeTime.now()).toBe(5_000);
  storeTime.learn(3_000);
  expect(storeTime.now()).toBe(3_000);
});
