import { test } from "vitest";
import type { Clock } from "../../packages/perdure/src/clock.ts";
import { systemClock } from "../../packages/perdure/src/clock.ts";
import { createMemoryStore } from "../../packages/perdure/src/stores/memory/memory-store.ts";
import { omittedStoreCases, storeSuite } from "../../packages/perdure/src/testing/store-suite.ts";

let now = 1_700_000_000_000.75;
const clock: Clock = { ...systemClock, now: () => now };

const subject = {
  name: "memory",
  open: async () => createMemoryStore({ clock }),
  advance: (ms: number) => void (now += ms),
};

for (const { group, name, run } of storeSuite(subject)) test(`${group}: ${name}`, run);
for (const { group, name, needs } of omittedStoreCases(subject)) {
  test.skip(`${group}: ${name} (needs ${needs}: there is no second store over the same memory)`);
}
