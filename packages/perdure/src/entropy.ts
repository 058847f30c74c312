/** The port for randomness. Ids, claims and jitter come from it, so that a simulation can repeat them. */
import { randomFillSync } from "node:crypto";

/** Where ids, claims and jitter come from. */
export interface Entropy {
  /** Unpredictable bytes. The array is the caller's. */
  bytes(size: number): Uint8Array;
  /** A number from 0 up to, not including, 1. For jitter, never for identities. */
  fraction(): number;
}

const poolSize = 4096;

/** Bytes from the operating system, drawn in blocks: a draw for each id would cost more than the id. */
export function createSystemEntropy(): Entropy {
  const pool = new Uint8Array(poolSize);
  let used = poolSize;
  return {
    bytes(size) {
      if (size > poolSize) return randomFillSync(new Uint8Array(size));
      if (used + size > poolSize) {
        randomFillSync(pool);
        used = 0;
      }
      return pool.slice(used, (used += size));
    },
    fraction: Math.random,
  };
}
