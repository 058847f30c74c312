/** What a worker is given: its ports, and what it is told about itself, checked. */
import type { Broker } from "../broker.ts";
import type { Clock } from "../clock.ts";
import type { Entropy } from "../entropy.ts";
import { PerdureError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Store } from "../store.ts";
import type { RunChanges } from "./run-changes.ts";

export interface WorkerPorts {
  /** Opened. */
  store: Store;
  broker: Broker;
  clock: Clock;
  entropy: Entropy;
  logger: Logger;
  changes: RunChanges;
  host: { name: string; pid: number; version: string };
}

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
