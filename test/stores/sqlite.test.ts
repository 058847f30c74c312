import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import type { Clock } from "../../packages/perdure/src/clock.ts";
import { systemClock } from "../../packages/perdure/src/clock.ts";
import type { Store } from "../../packages/perdure/src/store.ts";
import { createSqliteStore } from "../../packages/perdure/src/stores/sqlite/sqlite-store.ts";
import { omittedStoreCases, storeSuite } from "../../packages/perdure/src/testing/store-suite.ts";

let now = 1_700_000_000_000.75;
const clock: Clock = { ...systemClock, now: () => now };

const folder = mkdtempSync(join(tmpdir(), "perdure-sqlite-suite-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let fileCount = 0;
const pathOf = new Map<Store, string>();

/** A flush to the disk for each case would be most of the suite's time, and no case cuts the power. */
function openAt(path: string): Store {
  const store = createSqliteStore({ path, clock, durability: "process" });
  pathOf.set(store, path);
  return store;
}

const subject = {
  name: "sqlite",
  open: async () => openAt(join(folder, `${++fileCount}.db`)),
  reopen: async (store: Store) => openAt(pathOf.get(store)!),
  advance: (ms: number) => void (now += ms),
};

for (const { group, name, run } of storeSuite(subject)) test(`${group}: ${name}`, run);
for (const { group, name, needs } of omittedStoreCases(subject)) {
  test.skip(`${group}: ${name} (needs ${needs})`);
}
