/**
 * The places of a worker: how many runs it may have live, and which claims it has asked for and not heard of.
 *
 * P1. A place is taken by a live run, or kept for a claim that is under way. Never more are kept than are free.
 * P2. A claim that is under way is known by its name, so that nobody takes it for one that was forgotten.
 */
export class Places {
  readonly #total: number;
  readonly #taken: () => number;
  readonly #underWay = new Map<string, number>();

  constructor(total: number, taken: () => number) {
    this.#total = total;
    this.#taken = taken;
  }

  get free(): number {
    let kept = 0;
    for (const count of this.#underWay.values()) kept += count;
    return this.#total - this.#taken() - kept;
  }

  /** Keeps up to `count` places for a claim; answers how many. */
  keep(claim: string, count: number): number {
    const kept = Math.max(0, Math.min(count, this.free));
    this.#underWay.set(claim, kept);
    return kept;
  }

  /** The claim was answered, or given up. */
  giveBack(claim: string): void {
    this.#underWay.delete(claim);
  }

  /** Whether a run's claim comes from a request that is under way: claims are numbered behind the name of theirs. */
  isUnderWay(claim: string): boolean {
    return this.#underWay.has(claim.slice(0, claim.lastIndexOf(".")));
  }
}
