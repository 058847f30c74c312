/**
 * Parked executions that are still in memory. If the same worker claims one next, and nobody else has written to it, it goes on
 * where it stood. Bounded by number and by bytes; the longest unused goes first.
 */
import type { ClaimedRun } from "../store.ts";
import type { LiveRun } from "./live-run.ts";

export class HotCache {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  /** In order of use: the first is the longest unused. */
  readonly #runs = new Map<string, { live: LiveRun; bytes: number }>();
  #bytes = 0;
  /** What a claim is told, so that the store need not send these histories. */
  readonly known = new Map<string, { claim: string; seq: number }>();

  constructor(bounds: { maxCount: number; maxBytes: number }) {
    this.#maxCount = bounds.maxCount;
    this.#maxBytes = bounds.maxBytes;
  }

  put(live: LiveRun): void {
    this.take(live.runId)?.drop();
    const bytes = live.memoryBytes;
    this.#runs.set(live.runId, { live, bytes });
    this.known.set(live.runId, { claim: live.claim, seq: live.nextSeq - 1 });
    this.#bytes += bytes;
    for (const runId of this.#runs.keys()) {
      if (this.#runs.size <= this.#maxCount && this.#bytes <= this.#maxBytes) break;
      this.take(runId)?.drop();
    }
  }

  take(runId: string): LiveRun | undefined {
    const entry = this.#runs.get(runId);
    if (!entry) return undefined;
    this.#runs.delete(runId);
    this.known.delete(runId);
    this.#bytes -= entry.bytes;
    return entry.live;
  }

  /** The parked execution, if it is exactly what was claimed; otherwise it is dropped. */
  takeMatching(claimed: ClaimedRun): LiveRun | undefined {
    const live = this.take(claimed.run.id);
    if (!live) return undefined;
    const fits = claimed.hot && live.claim === claimed.previousClaim && live.nextSeq === claimed.run.nextSeq;
    if (fits) return live;
    live.drop();
    return undefined;
  }

  clear(): void {
    for (const { live } of this.#runs.values()) live.drop();
    this.#runs.clear();
    this.known.clear();
    this.#bytes = 0;
  }
}
