/**
 * The port that carries wake-ups: a doorbell, never the truth.
 *
 * B1. A hint may be lost, repeated, delayed and reordered. A lost one costs latency until the next poll, a repeated one an empty claim.
 * B2. Hints are published after the commit that they speak of, outside of its transaction.
 * B3. `publish` never rejects and never waits for the broker.
 */

/** There may be due work, in this queue when one is named; with `runId`, this run has changed. */
export interface Hint {
  queue?: string;
  runId?: string;
}

/** Carries wake-ups between workers and clients. It may lose them: a lost one costs latency, never a run. */
export interface Broker {
  readonly description: string;
  publish(hints: readonly Hint[]): void;
  /** Returns what ends the subscription. */
  subscribe(onHint: (hint: Hint) => void): () => void;
  close(): Promise<void>;
}
