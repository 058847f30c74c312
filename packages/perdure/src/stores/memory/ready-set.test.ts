import { expect, test } from "vitest";
import { ReadySet } from "./ready-set.ts";

const lane = { queue: "q", workflow: "w", version: "1" };
const other = { ...lane, queue: "other" };

/** Repeatable numbers below `limit`. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => (state = (state * 48_271) % 2_147_483_647) % limit;
}

test("takes what a sorted list would give, through any sequence of changes and steps of the clock", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const below = numbers(seed * 7919);
    const ready = new ReadySet();
    const list = new Map<string, { id: string; priority: number; wakeAt: number; queue: string }>();
    let now = 1000;
    for (let round = 0; round < 500; round++) {
      const id = `r${below(60)}`;
      const action = below(10);
      if (action < 6) {
        const run = { id, priority: below(3), wakeAt: now - 20 + below(60), queue: below(2) ? "q" : "other" };
        list.set(id, run);
        ready.set({ ...lane, ...run }, run.wakeAt);
      } else if (action < 7) {
        list.delete(id);
        ready.delete(id);
      } else {
        now += below(20) - 5;
        const limit = below(5);
        const lanes = below(2) ? [lane] : [lane, other, lane];
        const inLanes = [...list.values()].filter(({ queue }) => lanes.some((each) => each.queue === queue));
        const due = inLanes
          .filter(({ wakeAt }) => wakeAt <= now)
          .sort((a, b) => b.priority - a.priority || a.wakeAt - b.wakeAt || (a.id < b.id ? -1 : 1))
          .slice(0, limit)
          .map((run) => run.id);
        expect(ready.take(lanes, limit, now)).toEqual(due);
        for (const taken of due) list.delete(taken);
        if (due.length < limit) {
          const later = inLanes.filter(({ wakeAt }) => wakeAt > now).map(({ wakeAt }) => wakeAt);
          expect(ready.nextDueAt(lanes)).toBe(later.length === 0 ? null : Math.min(...later));
        }
      }
    }
  }
});

test("finds a due run among a hundred thousand sleeping ones, again and again", () => {
  const ready = new ReadySet();
  for (let index = 0; index < 100_000; index++) {
    ready.set({ ...lane, id: `s${index}`, priority: 9 }, 1_000_000 + ((index * 7919) % 100_000));
  }
  // A scan of all for each of these would take minutes.
  for (let index = 0; index < 20_000; index++) {
    ready.set({ ...lane, id: `d${index}`, priority: 0 }, index);
    expect(ready.take([lane], 10, index).length).toBe(1);
  }
  expect(ready.nextDueAt([lane])).toBe(1_000_000);
});
