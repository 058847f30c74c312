import { expect, test } from "vitest";
import type { RunSnapshot, Store } from "../store.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { RunChanges, type RunEnd } from "./run-changes.ts";
import { RunWatch } from "./run-watch.ts";

function play(): {
  clock: FakeClock;
  changes: RunChanges;
  watch: RunWatch;
  ended: Set<string>;
  live: Set<string>;
  polls: string[][];
  fail: { next: boolean };
} {
  const clock = new FakeClock();
  const changes = new RunChanges();
  const ended = new Set<string>();
  const live = new Set<string>();
  const polls: string[][] = [];
  const fail = { next: false };
  const store = {
    async snapshots(ids: string[]) {
      polls.push(ids);
      if (fail.next) {
        fail.next = false;
        throw new Error("away");
      }
      return ids.map(
        (id) =>
          ({
            run: { id, status: ended.has(id) ? "completed" : "running", successorId: null },
            payload: ended.has(id) ? "1" : null,
            now: 0,
          }) as unknown as RunSnapshot,
      );
    },
  } as unknown as Store;
  const watch = new RunWatch({ store: async () => store, clock, changes, isLiveHere: (id) => live.has(id) });
  return { clock, changes, watch, ended, live, polls, fail };
}

const end: RunEnd = { status: "completed", payload: "1", successorId: null };

test("an end of this process is told at once, to each waiter once, without a read", async () => {
  const { clock, changes, watch, polls } = play();
  const told: string[] = [];
  watch.onEnd("r", true, () => told.push("a"));
  watch.onEnd("r", true, () => told.push("b"));
  watch.onEnd("other", true, () => told.push("other"));
  changes.emit("r", null);
  expect(told).toEqual([]);
  changes.emit("r", end);
  changes.emit("r", end);
  expect(told).toEqual(["a", "b"]);
  expect(polls).toEqual([]);
  await clock.advance(1_000);
  expect(polls.flat().every((id) => id === "other")).toBe(true);
});

test("an end elsewhere is found within half a second, however long it took", async () => {
  const { clock, watch, ended } = play();
  const told: RunEnd[] = [];
  watch.onEnd("r", true, (found) => told.push(found));
  await clock.advance(600_000);
  ended.add("r");
  await clock.advance(500);
  expect(told).toEqual([end]);
  expect(clock.untilNext).toBeNull();
});

test("a run that may have ended before is looked at at once", async () => {
  const { clock, watch, ended } = play();
  ended.add("r");
  const told: RunEnd[] = [];
  watch.onEnd("r", false, (found) => told.push(found));
  await clock.advance(0);
  expect(told).toEqual([end]);
});

test("the longer nothing happens the less it polls, and a hint makes it look soon", async () => {
  const { clock, watch, polls } = play();
  watch.onEnd("r", true, () => undefined);
  await clock.advance(60_000);
  const slow = polls.length;
  expect(slow).toBeLessThan(130);
  watch.hint();
  await clock.advance(5);
  expect(polls.length).toBe(slow + 1);
});

test("who gives up is forgotten, and with the last one the polling ends", async () => {
  const { clock, changes, watch } = play();
  let told = 0;
  const stop = watch.onEnd("r", true, () => told++);
  stop();
  stop();
  changes.emit("r", end);
  await clock.advance(10_000);
  expect(told).toBe(0);
  expect(clock.untilNext).toBeNull();
  watch.hint();
  expect(clock.untilNext).toBeNull();
});

test("a store that cannot be reached is asked again", async () => {
  const { clock, watch, ended, fail } = play();
  ended.add("r");
  fail.next = true;
  const told: RunEnd[] = [];
  watch.onEnd("r", false, (found) => told.push(found));
  await clock.advance(1_000);
  expect(told).toEqual([end]);
});

test("of more waiters than one poll takes, each has its turn", async () => {
  const { clock, watch, ended } = play();
  const told = new Set<string>();
  for (let n = 0; n < 2_500; n++) watch.onEnd(`r${n}`, true, () => told.add(`r${n}`));
  for (let n = 0; n < 2_500; n++) ended.add(`r${n}`);
  await clock.advance(3_000);
  expect(told.size).toBe(2_500);
  expect(clock.untilNext).toBeNull();
});
