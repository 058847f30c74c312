/**
 * What may go wrong in one world. Each kind is on with a probability of one half, and its rate is drawn over a wide range: a world
 * with all faults at once hides what a world with one of them shows.
 */
import type { Random } from "./random.ts";

export interface FaultProfile {
  /** Of store calls, each a probability. */
  failsBefore: number;
  failsAfter: number;
  replyLost: number;
  /** The call is given up by its caller and carried out later. */
  carriedOutLate: number;
  slow: number;
  /** Mean milliseconds between two of them, in the whole world; Infinity for none. */
  outageEveryMs: number;
  killEveryMs: number;
  pauseEveryMs: number;
  storeClockStepEveryMs: number;
  workerClockStepEveryMs: number;
  /** Of step bodies: their process is killed within moments. */
  killInStep: number;
  /** Whether the clocks of processes run at different speeds, and show different days. */
  isSkewed: boolean;
  /** Of hints. */
  hintLost: number;
  hintRepeated: number;
  hintLate: number;
  /** A worker is stopped as a deployment does it, and another takes its place. */
  stopEveryMs: number;
}

export const noFaults: FaultProfile = {
  failsBefore: 0,
  failsAfter: 0,
  replyLost: 0,
  carriedOutLate: 0,
  slow: 0,
  outageEveryMs: Infinity,
  killEveryMs: Infinity,
  pauseEveryMs: Infinity,
  storeClockStepEveryMs: Infinity,
  workerClockStepEveryMs: Infinity,
  killInStep: 0,
  isSkewed: false,
  hintLost: 0,
  hintRepeated: 0,
  hintLate: 0,
  stopEveryMs: Infinity,
};

export function drawFaults(random: Random): FaultProfile {
  const probability = (low: number, high: number): number =>
    random.chance(0.5) ? random.logUniform(low, high) : 0;
  const every = (low: number, high: number): number =>
    random.chance(0.5) ? random.logUniform(low, high) : Infinity;
  return {
    failsBefore: probability(0.002, 0.1),
    failsAfter: probability(0.002, 0.1),
    replyLost: probability(0.002, 0.1),
    carriedOutLate: probability(0.002, 0.15),
    slow: probability(0.002, 0.1),
    outageEveryMs: every(8_000, 60_000),
    killEveryMs: every(1_500, 30_000),
    pauseEveryMs: every(1_500, 30_000),
    // Steps of the store's clock excuse a good deal, so few worlds have them.
    storeClockStepEveryMs: random.chance(0.3) ? random.logUniform(500, 60_000) : Infinity,
    workerClockStepEveryMs: every(2_000, 30_000),
    killInStep: probability(0.01, 0.2),
    isSkewed: random.chance(0.5),
    hintLost: random.chance(0.5) ? random.pick([0.2, 0.9, 1]) : 0,
    hintRepeated: probability(0.05, 0.5),
    hintLate: probability(0.05, 0.5),
    stopEveryMs: every(4_000, 40_000),
  };
}
