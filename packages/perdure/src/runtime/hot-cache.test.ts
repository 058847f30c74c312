import assert from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ClaimedRun } from "../store.ts";
import { HotCache } from "./hot-cache.ts";
import type { LiveRun } from "./live-run.ts";

interface FakeRun {
  runId: string;
  claim: string;
  nextSeq: number;
  memoryBytes: number;
  dropped: number;
  drop(): void;
}

function parked(runId: string, memoryBytes = 1): FakeRun {
  return {
    runId,
    claim: `c-${runId}`,
    nextSeq: 5,
    memoryBytes,
    dropped: 0,
    drop() {
      this.dropped++;
    },
  };
}

const put = (cache: HotCache, run: FakeRun): void => cache.put(run as unknown as LiveRun);

test("it never holds more than its bounds, drops the longest unused first, and tells claims of exactly what it holds", () => {
  const operation = fc.tuple(
    fc.constantFrom("put", "take"),
    fc.integer({ min: 0, max: 6 }),
    fc.integer({ min: 1, max: 40 }),
  );
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 60 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 100 }),
      (operations, maxCount, maxBytes) => {
        const cache = new HotCache({ maxCount, maxBytes });
        let model: FakeRun[] = [];
        const all: FakeRun[] = [];
        for (const [kind, id, bytes] of operations) {
          const runId = `r${id}`;
          if (kind === "take") {
            const expected = model.find((run) => run.runId === runId);
            assert.equal(cache.take(runId), expected);
            model = model.filter((run) => run !== expected);
            if (expected) all.splice(all.indexOf(expected), 1);
            continue;
          }
          const run = parked(runId, bytes);
          all.push(run);
          put(cache, run);
          model = [...model.filter((other) => other.runId !== runId), run];
          while (
            model.length > maxCount ||
            model.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0) > maxBytes
          )
            model.shift();
          assert.deepEqual(
            [...cache.known.keys()],
            model.map(({ runId: known }) => known),
          );
        }
        // What left the cache unasked was dropped, once.
        for (const run of all) assert.equal(run.dropped, model.includes(run) ? 0 : 1);
      },
    ),
    { numRuns: 300 },
  );
});

test("a parked execution goes on only when the last claim and the last event are its own", () => {
  const claimed = (changes: { hot?: boolean; previousClaim?: string; nextSeq?: number }): ClaimedRun =>
    ({
      hot: changes.hot ?? true,
      previousClaim: changes.previousClaim ?? "c-r",
      run: { id: "r", nextSeq: changes.nextSeq ?? 5 },
    }) as unknown as ClaimedRun;
  const cache = new HotCache({ maxCount: 10, maxBytes: 100 });
  for (const [changes, fits] of [
    [{}, true],
    [{ hot: false }, false],
    [{ previousClaim: "another" }, false],
    [{ nextSeq: 6 }, false],
  ] as const) {
    const run = parked("r");
    put(cache, run);
    expect(cache.takeMatching(claimed(changes)) !== undefined).toBe(fits);
    expect(run.dropped).toBe(fits ? 0 : 1);
    expect(cache.known.size).toBe(0);
  }
  expect(cache.takeMatching(claimed({}))).toBeUndefined();
});

test("clearing drops all, and frees their bytes", () => {
  const cache = new HotCache({ maxCount: 10, maxBytes: 10 });
  const runs = [parked("a", 5), parked("b", 5)];
  for (const run of runs) put(cache, run);
  cache.clear();
  expect(runs.map(({ dropped }) => dropped)).toEqual([1, 1]);
  put(cache, parked("c", 10));
  expect([...cache.known.keys()]).toEqual(["c"]);
});
