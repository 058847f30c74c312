/** One seed, simulated and judged. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "../../stores/memory/memory-store.ts";
import { createSqliteStore } from "../../stores/sqlite/sqlite-store.ts";
import { checkRecording } from "./check.ts";
import type { Violation } from "./invariants/verdict.ts";
import type { PlantedBug } from "./planted/planting.ts";
import { checkReplays } from "./replay-check.ts";
import { simulate, type Simulated, type SimulationOptions } from "./simulate.ts";
import { situationsOf } from "./situations.ts";

/** What came of one seed: what was violated, and how much was looked at. */
export interface SeedResult {
  seed: number;
  store: "memory" | "sqlite";
  violations: Violation[];
  evaluations: Record<string, number>;
  situations: Record<string, number>;
  faults: Record<string, number>;
  steps: number;
  simulatedMs: number;
  traceHash: string;
}

/** One seed of so many is played on the real SQLite store, and one of so many twice. */
const sqliteEvery = 20;
const twiceEvery = 100;

/** Plays one seed in a simulated world over the real engine, and has every checker judge it. */
export async function runSeed(seed: number, bug?: PlantedBug): Promise<SeedResult> {
  const store = !bug && seed % sqliteEvery === 0 ? "sqlite" : "memory";
  const simulated = await play(seed, store, bug);
  const { recording, situations, traceHash } = simulated;
  const verdict = checkRecording(recording);
  await checkReplays(recording, verdict);
  if (!bug && seed % twiceEvery === 0) {
    const again = await play(seed, store, bug);
    verdict.holds("D1", again.traceHash === traceHash, () => `seed ${seed} went another way the second time`);
  }
  const faults: Record<string, number> = {};
  for (const { kind } of recording.disturbances) faults[kind] = (faults[kind] ?? 0) + 1;
  return {
    seed,
    store,
    violations: verdict.violations,
    evaluations: verdict.evaluations,
    situations: Object.fromEntries([...situations, ...situationsOf(recording)]),
    faults,
    steps: recording.steps,
    simulatedMs: recording.endedAt,
    traceHash,
  };
}

async function play(seed: number, store: "memory" | "sqlite", bug?: PlantedBug): Promise<Simulated> {
  if (store === "memory") {
    const openStore: SimulationOptions["openStore"] = async (clock) => createMemoryStore({ clock });
    return simulate({ seed, openStore, ...(bug && { bug }) });
  }
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "perdure-simulation-"));
  try {
    return await simulate({
      seed,
      openStore: async (clock) =>
        createSqliteStore({ path: join(folder, "perdure.db"), clock, durability: "process" }),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
