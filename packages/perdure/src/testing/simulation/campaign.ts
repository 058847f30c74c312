/** Many seeds, and what they add up to. */
import { plantedBugs } from "./planted-bugs.ts";
import { runSeed, type SeedResult } from "./run-seed.ts";
import { expectedSituations } from "./situations.ts";

/** What the seeds of a campaign add up to. */
export interface CampaignReport {
  seeds: number;
  sqliteSeeds: number;
  steps: number;
  simulatedHours: number;
  wallSeconds: number;
  seedsPerMinute: number;
  /** Of this generator: no failure in n seeds. */
  upperBound95: number | null;
  failures: { seed: number; violations: string[]; command: string }[];
  faults: Record<string, number>;
  evaluations: Record<string, number>;
  situations: Record<string, number>;
  /** Situations that did not occur once. */
  missing: string[];
}

/** Whether a planted bug was noticed, after how many seeds, and by which checkers. */
export interface BugReport {
  name: string;
  line: string;
  /** Seeds until it was noticed; null when it was not. */
  seeds: number | null;
  noticedBy: string[];
}

/** Adds up what came of many seeds. */
export class Campaign {
  readonly #startedAt = performance.now();
  readonly #report: CampaignReport = {
    seeds: 0,
    sqliteSeeds: 0,
    steps: 0,
    simulatedHours: 0,
    wallSeconds: 0,
    seedsPerMinute: 0,
    upperBound95: null,
    failures: [],
    faults: {},
    evaluations: {},
    situations: {},
    missing: [],
  };

  /** Takes note of one more seed. */
  add(result: SeedResult): void {
    const report = this.#report;
    report.seeds++;
    if (result.store === "sqlite") report.sqliteSeeds++;
    report.steps += result.steps;
    report.simulatedHours += result.simulatedMs / 3_600_000;
    addUp(report.faults, result.faults);
    addUp(report.evaluations, result.evaluations);
    addUp(report.situations, result.situations);
    if (result.violations.length === 0) return;
    report.failures.push({
      seed: result.seed,
      violations: result.violations.slice(0, 10).map(({ invariant, message }) => `${invariant} ${message}`),
      command: `node packages/perdure/dist/testing/simulation/main.js --from ${result.seed} --seeds 1`,
    });
  }

  get report(): CampaignReport {
    const report = this.#report;
    const wallSeconds = (performance.now() - this.#startedAt) / 1_000;
    return {
      ...report,
      simulatedHours: round(report.simulatedHours),
      wallSeconds: round(wallSeconds),
      seedsPerMinute: Math.round((60 * report.seeds) / wallSeconds),
      upperBound95: report.failures.length === 0 && report.seeds > 0 ? 3 / report.seeds : null,
      missing: expectedSituations.filter((situation) => !report.situations[situation]),
    };
  }
}

/** Plays seeds with a planted bug until a checker notices it. */
export async function findPlantedBug(name: string, maxSeeds: number): Promise<BugReport> {
  const bug = plantedBugs.find((planted) => planted.name === name);
  if (!bug) throw new Error(`There is no planted bug "${name}".`);
  for (let seed = 1; seed <= maxSeeds; seed++) {
    const { violations } = await runSeed(seed, bug);
    if (violations.length === 0) continue;
    const noticedBy = [...new Set(violations.map(({ invariant }) => invariant))].sort();
    return { name, line: bug.line, seeds: seed, noticedBy };
  }
  return { name, line: bug.line, seeds: null, noticedBy: [] };
}

function addUp(sums: Record<string, number>, counts: Record<string, number>): void {
  for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
