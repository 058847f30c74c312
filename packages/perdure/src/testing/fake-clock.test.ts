import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.ts";

test("timers fire at their times, in their order, those of one moment as they were set", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 20 }), { maxLength: 20 }), async (delays) => {
      const clock = new FakeClock();
      const fired: [number, number][] = [];
      for (const [index, delay] of delays.entries())
        clock.after(delay, () => fired.push([clock.monotonic(), index]));
      await clock.advance(20);
      const expected = delays
        .map((delay, index): [number, number] => [delay, index])
        .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      assert.deepEqual(fired, expected);
      assert.equal(clock.untilNext, null);
    }),
    { numRuns: 50 },
  );
});

test("it stands still until it is moved, and what is set on the way fires on the way", async () => {
  const clock = new FakeClock(1_000);
  const fired: number[] = [];
  clock.after(5, () => clock.after(5, () => fired.push(clock.now())));
  expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
  await clock.advance(9);
  expect(fired).toEqual([]);
  await clock.advance(1);
  expect(fired).toEqual([1_010]);
});

test("a leap fires nothing by itself, and time never goes back for what is late", () => {
  const clock = new FakeClock();
  const fired: number[] = [];
  clock.after(5, () => fired.push(clock.monotonic()));
  clock.leap(100);
  expect(fired).toEqual([]);
  expect(clock.step(0)).toBe(true);
  expect(fired).toEqual([100]);
  expect(clock.step()).toBe(false);
});

test("the wall clock can be set by itself, and what was taken back does not fire", () => {
  const clock = new FakeClock(0);
  const takeBack = clock.after(1, () => assert.fail("it was taken back"));
  clock.stepWall(-500);
  expect([clock.now(), clock.monotonic()]).toEqual([-500, 0]);
  takeBack();
  takeBack();
  expect(clock.step()).toBe(false);
});
