/**
 * Asks two stores the same random questions, and finds the first answer in which they differ.
 *
 * D1. A seed determines every operation, so that a divergence can be repeated. What comes next depends on the left store's answers
 *     alone: hand the oracle over as `left`.
 * D2. Both stores must read one clock, which only `advance` moves.
 * D3. Answers are compared as values. Left out is what the port leaves open: orders that it does not promise, the wording of a
 *     refusal, and the text of a cursor.
 */
import assert from "node:assert/strict";
import type { RunRecord } from "../model/run.ts";
import type { ClaimedRun, RunWrite, Store } from "../store.ts";
import { compareStores } from "./store-differential/comparison.ts";
import { Generator } from "./store-differential/generator.ts";

/** Two empty stores over one clock, and how much to ask them. */
export interface DifferentialOptions {
  seed: number;
  operations: number;
  left: Store;
  right: Store;
  /** Moves the clock of both stores; backwards when negative. */
  advance: (ms: number) => void | Promise<void>;
}

/** How often each operation was played, and each answer was given: a driver that asks nothing finds nothing. */
export type DifferentialTally = Record<string, number>;

/**
 * Plays the operations on both stores, which the caller has opened, empty.
 *
 * @throws AssertionError at the first divergence, with the seed, the operation and those before it.
 */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialTally> {
  const play = new Play(options);
  for (let number = 1; number <= options.operations; number++) {
    await play.next();
    if (number % 200 === 0) await play.compareAll();
  }
  await play.compareAll();
  return play.tally;
}

type Operation = (play: Play) => Promise<void>;

const shownOperations = 12;

class Play {
  readonly tally: DifferentialTally = {};
  readonly #options: DifferentialOptions;
  readonly #generate: Generator;
  /** What owners believe: the claims that were handed out, as far as their owners know of them. */
  readonly #claimed = new Map<string, ClaimedRun>();
  /** Writes that were made, for repeats and for late ones. */
  readonly #writes: RunWrite[] = [];
  readonly #recent: string[] = [];
  #count = 0;

  constructor(options: DifferentialOptions) {
    this.#options = options;
    this.#generate = new Generator(options.seed);
  }

  async next(): Promise<void> {
    this.#count++;
    await this.#generate.weighted(operations)(this);
  }

  async create(): Promise<void> {
    const runs = this.#generate.newRuns();
    const answers = await this.#ask("create", runs, (store) => store.create(runs));
    for (const { status, id } of answers) {
      this.#note(`create ${status}`);
      if (status === "created") this.#generate.know(id);
    }
  }

  async deliver(): Promise<void> {
    const messages = this.#generate.messages();
    const answers = await this.#ask("deliver", messages, (store) => store.deliver(messages));
    for (const answer of answers) this.#note(`deliver ${answer}`);
  }

  async register(): Promise<void> {
    const worker = this.#generate.worker();
    await this.#ask("register", worker, (store) => store.register(worker));
  }

  async renew(): Promise<void> {
    const workerId = this.#generate.workerId();
    const held = [...this.#claimed.values()].filter(() => this.#generate.chance(0.7));
    const claims = held.map(({ run }) => ({
      runId: run.id,
      claim: run.claim!,
      readInboxSeq: Math.max(0, run.inboxSeq - this.#generate.below(2)),
    }));
    const request = { workerId, claims };
    const answer = await this.#ask("renew", request, (store) => store.renew(request));
    this.#note(`renew ${answer.live ? "live" : "refused"}`);
  }

  async unregister(): Promise<void> {
    const workerId = this.#generate.workerId();
    await this.#ask("unregister", workerId, (store) => store.unregister(workerId));
  }

  async claim(): Promise<void> {
    const hot = new Map<string, { claim: string; seq: number }>();
    for (const { run } of this.#claimed.values()) {
      if (!this.#generate.chance(0.6)) continue;
      hot.set(run.id, { claim: run.claim!, seq: run.nextSeq - (this.#generate.chance(0.8) ? 1 : 2) });
    }
    const request = { ...this.#generate.claimRequest(), hot };
    const answer = await this.#ask("claim", request, (store) => store.claim(request));
    this.#note(`claim ${answer.live ? "live" : "refused"}`);
    for (const claimed of answer.runs) {
      this.#claimed.set(claimed.run.id, claimed);
      this.#note(`claimed ${claimed.hot ? "hot" : "cold"}`);
    }
  }

  async load(): Promise<void> {
    const claimed = this.#someClaimed();
    if (!claimed) return;
    const request = { runId: claimed.run.id, claim: claimed.run.claim!, afterSeq: this.#generate.below(4) };
    const loaded = await this.#ask("load", request, (store) => store.load(request));
    if (loaded) this.#claimed.set(loaded.run.id, loaded);
    this.#note(`load ${loaded ? "current" : "lost"}`);
  }

  async release(): Promise<void> {
    const claims = [this.#someClaimed(), this.#someClaimed()].flatMap((claimed) =>
      claimed ? [{ runId: claimed.run.id, claim: claimed.run.claim! }] : [],
    );
    await this.#ask("release", claims, (store) => store.release(claims));
  }

  async commit(): Promise<void> {
    const writes = new Map<string, RunWrite>();
    for (let count = this.#generate.below(4) + 1; count > 0; count--) {
      const write = await this.#someWrite();
      // At most one write of a run may be in a call.
      if (write) writes.set(write.runId, write);
    }
    const batch = [...writes.values()];
    const { answers } = await this.#ask("commit", batch, (store) => store.commit(batch));
    for (const [index, answer] of answers.entries()) {
      const write = batch[index]!;
      this.#note(`commit ${answer.status}`);
      this.#writes.push(write);
      if (answer.status === "accepted" || answer.status === "kept") {
        for (const { id } of write.runs) this.#generate.know(id);
      }
      const claimed = this.#claimed.get(write.runId);
      if (!claimed || claimed.run.claim !== write.claim) continue;
      if (answer.status === "accepted" || answer.status === "kept") this.#follow(claimed, write);
      // Most owners drop what they have lost, the others are zombies; what was left mostly stays, hot.
      const isLost = answer.status === "stale" && !answer.mine;
      const isLeft = answer.status === "accepted" && write.leave !== null;
      if (this.#generate.chance(isLost ? 0.6 : isLeft ? 0.2 : 0)) this.#claimed.delete(write.runId);
    }
    this.#writes.splice(0, Math.max(0, this.#writes.length - 100));
  }

  async expire(): Promise<void> {
    const limit = this.#generate.below(6) + 1;
    const { freed } = await this.#ask("expire", limit, (store) => store.expire(limit));
    if (freed > 0) this.#note("expire freed");
  }

  async unhold(): Promise<void> {
    const lanes = this.#generate.lanes();
    const count = await this.#ask("unhold", lanes, (store) => store.unhold(lanes));
    if (count > 0) this.#note("unhold freed");
  }

  async advance(): Promise<void> {
    const ms = this.#generate.elapsedMs();
    this.#remember(`advance ${ms}`);
    await this.#options.advance(ms);
  }

  async read(): Promise<void> {
    const runId = this.#generate.knownRunId();
    const request = { runId, afterSeq: this.#generate.below(3), limit: this.#generate.below(5) + 1 };
    await this.#ask("run", runId, (store) => store.run(runId));
    await this.#ask("history", request, (store) => store.history(request));
    await this.#ask("workers", null, async (store) =>
      (await store.workers()).sort((left, right) => (left.id < right.id ? -1 : 1)),
    );
  }

  async list(): Promise<void> {
    const { left, right } = this.#options;
    const filter = this.#generate.filter();
    await this.#ask("count", filter, (store) => store.count(filter));
    await this.#ask("runs", filter, (store) => walk(store, { ...filter, limit: 7 }));
    this.#note("list");
    const health = await Promise.all([left.health(), right.health()]);
    assert.equal(health[1].now, health[0].now);
  }

  /** Every run, history and worker of both stores. */
  async compareAll(): Promise<void> {
    const runs = await this.#ask("all runs", null, (store) => walk(store, { limit: 500 }));
    const ids = runs.map(({ id }) => id);
    await this.#ask("all snapshots", null, async (store) =>
      (await store.snapshots(ids)).sort((left, right) => (left.run.id < right.run.id ? -1 : 1)),
    );
    for (const runId of ids) {
      const request = { runId, afterSeq: 0, limit: 100_000 };
      await this.#ask("whole history", runId, (store) => store.history(request));
    }
  }

  async #ask<T>(name: string, argument: unknown, call: (store: Store) => Promise<T>): Promise<T> {
    this.#remember(`${name} ${JSON.stringify(argument, showMap)}`);
    const { left, right, seed } = this.#options;
    return compareStores(call, left, right, () => {
      const trace = this.#recent.join("\n  ");
      return `Seed ${seed}, operation ${this.#count}: the stores differ. The last operations:\n  ${trace}`;
    });
  }

  #someClaimed(): ClaimedRun | undefined {
    return this.#generate.pick([...this.#claimed.values()]);
  }

  async #someWrite(): Promise<RunWrite | undefined> {
    if (this.#generate.chance(0.12)) return this.#generate.pick(this.#writes);
    if (this.#generate.chance(0.15)) {
      const snapshot = await this.#options.left.run(this.#generate.knownRunId());
      return snapshot && this.#generate.unownedWrite(snapshot.run);
    }
    const claimed = this.#someClaimed();
    const messageIds = claimed?.messages.map(({ id }) => id) ?? [];
    return claimed && this.#generate.ownedWrite(claimed.run, messageIds, claimed.now);
  }

  /** The owner's next write stands on what this one has left. */
  #follow(claimed: ClaimedRun, write: RunWrite): void {
    const run: RunRecord = {
      ...claimed.run,
      nextSeq: write.nextSeq + write.events.length,
      commitNumber: write.commitNumber,
    };
    this.#claimed.set(run.id, { ...claimed, run });
  }

  #remember(text: string): void {
    this.#recent.push(text.slice(0, 2000));
    if (this.#recent.length > shownOperations) this.#recent.shift();
  }

  #note(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }
}

const operations: readonly { weight: number; value: Operation }[] = [
  { weight: 10, value: (play) => play.create() },
  { weight: 12, value: (play) => play.deliver() },
  { weight: 6, value: (play) => play.register() },
  { weight: 6, value: (play) => play.renew() },
  { weight: 1, value: (play) => play.unregister() },
  { weight: 16, value: (play) => play.claim() },
  { weight: 3, value: (play) => play.load() },
  { weight: 3, value: (play) => play.release() },
  { weight: 25, value: (play) => play.commit() },
  { weight: 4, value: (play) => play.expire() },
  { weight: 2, value: (play) => play.unhold() },
  { weight: 8, value: (play) => play.advance() },
  { weight: 5, value: (play) => play.read() },
  { weight: 1, value: (play) => play.list() },
];

/** All pages; cursors are each store's own. */
async function walk(store: Store, query: Parameters<Store["runs"]>[0]): Promise<RunRecord[]> {
  const found: RunRecord[] = [];
  let { items, cursor } = await store.runs(query);
  found.push(...items);
  while (cursor !== null) {
    ({ items, cursor } = await store.runs({ ...query, cursor }));
    found.push(...items);
  }
  return found;
}

function showMap(_: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value;
}
