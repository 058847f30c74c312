import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { systemClock, type Clock } from "../../packages/perdure/src/clock.ts";
import type { Store } from "../../packages/perdure/src/store.ts";
import { createMemoryStore } from "../../packages/perdure/src/stores/memory/memory-store.ts";
import { createSqliteStore } from "../../packages/perdure/src/stores/sqlite/sqlite-store.ts";
import {
  runDifferential,
  type DifferentialTally,
} from "../../packages/perdure/src/testing/store-differential.ts";

async function compare(
  operations: number,
  seed: number,
  openRight: (clock: Clock) => Promise<Store> | Store,
): Promise<DifferentialTally> {
  let now = 1_700_000_000_000;
  const clock: Clock = { ...systemClock, now: () => now };
  const left = createMemoryStore({ clock });
  const right = await openRight(clock);
  try {
    await Promise.all([left.open(), right.open()]);
    return await runDifferential({ seed, operations, left, right, advance: (ms) => void (now += ms) });
  } finally {
    await Promise.all([left.close(), right.close()]);
  }
}

test("memory answers like itself, and every kind of answer is met", async () => {
  const tally = await compare(2000, 1, (clock) => createMemoryStore({ clock }));
  for (const answer of [
    ...["created", "exists", "conflict"].map((status) => `create ${status}`),
    ...["delivered", "repeated", "ended", "missing"].map((status) => `deliver ${status}`),
    ...["accepted", "kept", "stale", "rejected"].map((status) => `commit ${status}`),
    ...["renew live", "renew refused", "claim live", "claim refused", "claimed hot", "claimed cold"],
    ...["load current", "load lost", "expire freed", "unhold freed", "list"],
  ]) {
    assert.ok((tally[answer] ?? 0) > 0, `${answer} was met: ${JSON.stringify(tally)}`);
  }
});

test("a divergence is found and told with its seed", async () => {
  await assert.rejects(
    compare(2000, 1, (clock) => {
      const store = createMemoryStore({ clock });
      const release = store.release.bind(store);
      // A store that hands back the first of the runs alone.
      store.release = (claims) => release(claims.slice(0, 1));
      return store;
    }),
    /Seed 1, operation \d+: the stores differ/,
  );
});

test("sqlite answers like memory", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "perdure-differential-"));
  try {
    for (const seed of [1, 2, 3, 4]) {
      await compare(5000, seed, (clock) =>
        createSqliteStore({ path: join(folder, `${seed}.db`), clock, durability: "process" }),
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
