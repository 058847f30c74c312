/** What a worker is told about itself, checked. */
import { PerdureError } from "../errors.ts";

export interface WorkerSettings {
  /** Runs that are live at a time. */
  concurrency: number;
  leaseMs: number;
  /** The longest time between two looks for due work. */
  pollMs: number;
  /** How often expired leases are looked for. */
  sweepMs: number;
  crashLimit: number;
  hotRuns: number;
  hotBytes: number;
}

/** @throws PerdureError `INVALID_OPTION`. */
export function requireSettings(settings: WorkerSettings): void {
  const { concurrency, leaseMs } = settings;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1 || concurrency > 100_000) {
    throw new PerdureError(
      "INVALID_OPTION",
      `concurrency of a worker is ${concurrency}. It must be a whole number from 1 to 100000.`,
    );
  }
  if (leaseMs < 200) {
    throw new PerdureError(
      "INVALID_OPTION",
      `lease of a worker is ${leaseMs} ms. It must be at least 200 ms: a busy process would lose it.`,
    );
  }
}
