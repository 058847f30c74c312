import { afterEach, expect, test, vi } from "vitest";
import { systemClock } from "./clock.ts";

afterEach(() => {
  vi.useRealTimers();
});

const day = 86_400_000;

for (const days of [24, 25, 30, 49, 50, 400]) {
  test(`peers 5.6/47: a wait of ${days} days, over the limit of setTimeout, fires once and then`, () => {
    vi.useFakeTimers();
    let fired = 0;
    systemClock.after(days * day, () => fired++);
    vi.advanceTimersByTime(days * day - 1);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(2);
    expect(fired).toBe(1);
    vi.advanceTimersByTime(days * day);
    expect(fired).toBe(1);
  });
}

test("a wait that was taken back does not fire, also in one of its later parts", () => {
  vi.useFakeTimers();
  let fired = 0;
  const takeBack = systemClock.after(100 * day, () => fired++);
  vi.advanceTimersByTime(60 * day);
  takeBack();
  vi.advanceTimersByTime(100 * day);
  expect([fired, vi.getTimerCount()]).toEqual([0, 0]);
});

test("no wait fires early", async () => {
  for (const delayMs of [0, 0.4, 1, 7.3]) {
    const from = systemClock.monotonic();
    await new Promise<void>((resolve) => systemClock.after(delayMs, resolve, { keepAlive: true }));
    expect(systemClock.monotonic() - from).toBeGreaterThanOrEqual(delayMs);
  }
});

test("code has come to rest when its microtasks are drained and a macrotask has passed", async () => {
  const seen: string[] = [];
  void (async () => {
    for (let n = 0; n < 100; n++) await Promise.resolve();
    seen.push("microtasks");
  })();
  setImmediate(() => seen.push("macrotask"));
  await systemClock.rest();
  expect(seen).toEqual(["microtasks", "macrotask"]);
});
