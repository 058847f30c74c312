/**
 * A process's part in the work: claims what is due, lives it, and gives it back.
 *
 * K1. One claimer: while a claim is under way no other begins, and never more is asked for than there are free places.
 * K2. A hint, a free place, a due time and the poll all lead to the same question: is anything due? Losing hints costs latency.
 * K3. When the lease is lost, every run is dropped before anything else happens, and the worker begins anew under a new id.
 * K4. Live runs keep the process alive; a worker without any does not.
 */
import { createToken } from "../model/id.ts";
import { retryDelayMs } from "../model/retry.ts";
import type { Adoption, ClaimedRun } from "../store.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";
import { HotCache } from "./hot-cache.ts";
import { Journal, storeBackoff } from "./journal.ts";
import { Lease } from "./lease.ts";
import { RestRoom } from "./life.ts";
import { LiveRun } from "./live-run.ts";
import { Places } from "./places.ts";
import type { RunExit } from "./run-exit.ts";
import type { ServedLanes } from "./served-lanes.ts";
import { StoreTime } from "./store-time.ts";
import { Sweeper } from "./sweeper.ts";
import type { WorkerPorts, WorkerSettings } from "./worker-settings.ts";

export class Worker {
  readonly #ports: WorkerPorts;
  readonly #settings: WorkerSettings;
  readonly #served: ServedLanes;
  readonly #storeTime: StoreTime;
  readonly #hot: HotCache;
  readonly #live = new Map<string, LiveRun>();
  readonly #places: Places;
  readonly #restRoom: RestRoom;
  #lease!: Lease;
  #journal!: Journal;
  #sweeper!: Sweeper;
  #id = "";
  #isStopping = false;
  #isLooking = false;
  #lookAgain = false;
  /** There may be due work that found no free place. */
  #waitsForPlace = false;
  #nextLookAt = Infinity;
  #disarm: (() => void) | null = null;
  #unsubscribe: () => void = () => undefined;
  #keepAlive: (() => void) | null = null;
  #failures = 0;
  #onIdle: (() => void) | null = null;

  constructor(ports: WorkerPorts, settings: WorkerSettings, served: ServedLanes) {
    this.#ports = ports;
    this.#settings = settings;
    this.#served = served;
    this.#storeTime = new StoreTime(ports.clock);
    this.#restRoom = new RestRoom(ports.clock);
    this.#places = new Places(settings.concurrency, () => this.#live.size);
    this.#hot = new HotCache({ maxCount: settings.hotRuns, maxBytes: settings.hotBytes });
  }

  get id(): string {
    return this.#id;
  }

  /** Runs that are live here. */
  get liveCount(): number {
    return this.#live.size;
  }

  has(runId: string): boolean {
    return this.#live.has(runId);
  }

  /** @throws PerdureError of the store. */
  async begin(): Promise<void> {
    // Code that did not fit may have been mended since. Asked first: once registered, nothing can fail and leave half a worker.
    await this.#ports.store.unhold(this.#served.lanes);
    await this.#register();
    this.#unsubscribe = this.#ports.broker.subscribe((hint) => {
      if (hint.runId !== undefined) this.#live.get(hint.runId)?.lookIntoInbox();
      this.look();
    });
    // Over when the worker is there: a start after it finds the places that are free.
    await this.#look();
  }

  /**
   * Claims nothing more. Lets the attempts that run come to their end, for as long as `drainMs`; then hands back what is left, at
   * once, with its attempts aborted.
   */
  async stop(drainMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#disarm?.();
    this.#unsubscribe();
    this.#sweeper.stop();
    if (drainMs > 0 && this.#live.size > 0) {
      for (const live of this.#live.values()) live.drain();
      await this.#idleWithin(drainMs);
    }
    for (const live of this.#live.values()) live.drop();
    await this.#idleWithin(Infinity);
    this.#lease.stop();
    this.#hot.clear();
    // Frees what is left without counting a crash. A store that is gone frees it by the lease.
    await this.#ports.store.unregister(this.#id).catch((error: unknown) => {
      this.#ports.logger.warn(
        { workerId: this.#id, error },
        "a worker could not say good-bye; its lease will end by itself",
      );
    });
  }

  /**
   * Keeps places for runs that are about to be created in this process; null when there are none. What is claimed for them goes to
   * `fill`, which must be called whatever becomes of the creation.
   */
  keepPlaces(count: number): { adoption: Adoption; fill: (claimed: ClaimedRun[]) => void } | null {
    if (this.#isStopping || this.#waitsForPlace || this.#places.free <= 0 || !this.#lease.isLive) return null;
    const workerId = this.#id;
    const claim = createToken("c_", (size) => this.#ports.entropy.bytes(size));
    const limit = this.#places.keep(claim, count);
    const fill = (claimed: ClaimedRun[]): void => {
      this.#places.giveBack(claim);
      if (workerId === this.#id && claimed.length > 0) this.#storeTime.learn(claimed[0]!.now);
      this.#takeAll(workerId, claimed);
      if (this.#waitsForPlace) this.look();
    };
    return { adoption: { workerId, lanes: this.#served.lanes, limit, claim }, fill };
  }

  /** Something may be due. */
  look(): void {
    if (this.#isStopping) return;
    if (this.#isLooking) {
      this.#lookAgain = true;
      return;
    }
    void this.#look();
  }

  async #register(): Promise<void> {
    const { store, clock, entropy, logger, host } = this.#ports;
    const { leaseMs, concurrency, sweepMs } = this.#settings;
    this.#id = createToken("w_", (size) => entropy.bytes(size));
    const lease = new Lease({
      store,
      storeTime: this.#storeTime,
      clock,
      logger,
      worker: {
        id: this.#id,
        leaseMs,
        host: host.name,
        pid: host.pid,
        version: host.version,
        lanes: this.#served.lanes,
        concurrency,
      },
      claims: () =>
        [...this.#live.values()].map(({ runId, claim, readInboxSeq }) => ({ runId, claim, readInboxSeq })),
      lanes: () => this.#served.lanes,
      onLost: () => void this.#beginAnew(),
      onStrange: (claims) => void this.#releaseStrange(claims),
      onUnread: (runIds) => runIds.forEach((runId) => this.#live.get(runId)?.lookIntoInbox()),
    });
    this.#journal = new Journal({
      store,
      storeTime: this.#storeTime,
      clock,
      entropy,
      logger,
      isLive: () => lease.isLive,
    });
    await lease.begin();
    if (this.#isStopping) {
      // Stopped while it came back: the row that is there now ends by itself.
      lease.stop();
      return;
    }
    this.#lease = lease;
    this.#sweeper = new Sweeper({
      store,
      clock,
      logger,
      lease,
      intervalMs: sweepMs,
      onFreed: () => this.look(),
    });
    this.#sweeper.begin();
  }

  async #beginAnew(): Promise<void> {
    this.#sweeper.stop();
    this.#disarm?.();
    for (const live of this.#live.values()) live.drop();
    this.#hot.clear();
    for (let attempt = 1; !this.#isStopping; attempt++) {
      try {
        await this.#register();
        this.look();
        return;
      } catch (error) {
        this.#ports.logger.warn({ error }, "a worker could not register and tries again");
        await this.#pause(attempt);
      }
    }
  }

  /** Claims that the store has for us and that we never heard of: a reply was lost. Those under way are not among them. */
  async #releaseStrange(claims: { runId: string; claim: string }[]): Promise<void> {
    const strange = claims.filter(
      ({ runId, claim }) => this.#live.get(runId)?.claim !== claim && !this.#places.isUnderWay(claim),
    );
    if (strange.length === 0) return;
    await this.#ports.store.release(strange).catch(() => undefined); // the next heartbeat finds them again
    this.look();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#disarm?.();
    // Hints and free places of one turn lead to one claim.
    await this.#ports.clock.rest();
    do {
      this.#lookAgain = false;
      const { free } = this.#places;
      if (free <= 0) this.#waitsForPlace = true;
      if (free <= 0 || this.#isStopping || !this.#lease.isLive) break;
      this.#waitsForPlace = false;
      if (await this.#claim(free)) this.#lookAgain = true;
    } while (this.#lookAgain);
    this.#isLooking = false;
    this.#armLook();
  }

  /** Answers whether there may be more that is due. */
  async #claim(limit: number): Promise<boolean> {
    const { store, clock, entropy, logger } = this.#ports;
    const workerId = this.#id;
    const claim = createToken("c_", (size) => entropy.bytes(size));
    this.#places.keep(claim, limit);
    const pollAt = clock.monotonic() + this.#settings.pollMs;
    this.#nextLookAt = pollAt;
    try {
      const answer = await store.claim({
        workerId,
        lanes: this.#served.lanes,
        limit,
        claim,
        hot: this.#hot.known,
      });
      this.#failures = 0;
      if (workerId === this.#id) this.#storeTime.learn(answer.now);
      this.#takeAll(workerId, answer.runs);
      if (answer.nextDueAt !== null) this.#noteDue(answer.nextDueAt);
      return answer.runs.length >= limit;
    } catch (error) {
      this.#failures++;
      if (this.#failures === 1) logger.warn({ workerId, error }, "a claim failed and is tried again");
      this.#nextLookAt = clock.monotonic() + retryDelayMs(storeBackoff, this.#failures, entropy.fraction());
      return false;
    } finally {
      this.#places.giveBack(claim);
    }
  }

  #takeAll(workerId: string, runs: ClaimedRun[]): void {
    // Another worker by now, or none: these claims are strange to it, and end with the old lease.
    if (workerId !== this.#id || this.#isStopping || !this.#lease.isLive) return;
    for (const claimed of runs) this.#take(claimed);
  }

  #take(claimed: ClaimedRun): void {
    const { run } = claimed;
    const spec = this.#served.find(run);
    if (!spec)
      throw new Error(
        `A claim of workflow "${run.workflow}" was answered to a worker that has no such lane.`,
      );
    // The same run may still be here, under a claim that was lost.
    this.#live.get(run.id)?.drop();
    const parked = this.#hot.takeMatching(claimed);
    if (!parked && claimed.hot) {
      // It was dropped from memory while the claim was under way, and its history was not sent.
      const live = this.#createLiveRun(spec, claimed);
      this.#live.set(run.id, live);
      void this.#reload(live, spec);
      return;
    }
    parked?.resume(claimed);
    this.#begin(parked ?? this.#createLiveRun(spec, claimed), spec);
  }

  #createLiveRun(spec: WorkflowSpec, claimed: ClaimedRun): LiveRun {
    const { store, clock, entropy, logger } = this.#ports;
    return new LiveRun(
      {
        store,
        journal: this.#journal,
        restRoom: this.#restRoom,
        storeTime: this.#storeTime,
        clock,
        entropy,
        logger,
        workerId: this.#id,
        crashLimit: this.#settings.crashLimit,
      },
      spec,
      claimed,
    );
  }

  #begin(live: LiveRun, spec: WorkflowSpec): void {
    this.#live.set(live.runId, live);
    this.#keepAlive ??= this.#ports.clock.after(2 ** 40, () => undefined, { keepAlive: true });
    live.live((exit) => this.#afterLife(live, spec, exit));
  }

  /** Begins a run anew from what the store has: the claim is still ours. */
  async #reload(live: LiveRun, spec: WorkflowSpec): Promise<void> {
    const request = { runId: live.runId, claim: live.claim, afterSeq: 0 };
    const loaded = await this.#ports.store.load(request).catch(() => undefined);
    if (!loaded || this.#live.get(live.runId) !== live || !this.#lease.isLive || this.#isStopping) {
      this.#afterLife(live, spec, { kind: "dropped" });
      return;
    }
    this.#storeTime.learn(loaded.now);
    this.#begin(this.#createLiveRun(spec, loaded), spec);
  }

  #afterLife(live: LiveRun, spec: WorkflowSpec, exit: RunExit): void {
    const { changes, logger } = this.#ports;
    const { runId } = live;
    if (exit.kind === "reload") {
      void this.#reload(live, spec);
      return;
    }
    if (this.#live.get(runId) === live) this.#live.delete(runId);
    if (this.#live.size === 0) {
      this.#keepAlive?.();
      this.#keepAlive = null;
      this.#onIdle?.();
    }
    if (exit.kind === "parked") {
      this.#hot.put(live);
      if (exit.wakeAt !== null) this.#noteDue(exit.wakeAt);
    } else if (exit.kind === "ended") {
      const { status, payload, successorId } = exit;
      if (successorId !== null) this.look();
      changes.emit(runId, { status, payload, successorId });
    } else if (exit.kind === "held") {
      logger.error({ runId, workflow: spec.name, code: exit.error.code }, exit.error.message);
    }
    if (exit.kind !== "ended") changes.emit(runId, null);
    if (this.#waitsForPlace) this.look();
  }

  /** The next look is not later than this. */
  #noteDue(dueAt: number): void {
    const at = this.#ports.clock.monotonic() + this.#storeTime.until(dueAt);
    if (at >= this.#nextLookAt) return;
    this.#nextLookAt = at;
    this.#armLook();
  }

  #armLook(): void {
    // Without a lease there is nothing to look for: the new one looks by itself.
    if (this.#isLooking || this.#isStopping || !this.#lease.isLive) return;
    this.#disarm?.();
    if (this.#places.free <= 0) {
      this.#waitsForPlace = true; // the next free place looks
      return;
    }
    const delayMs = Math.max(0, this.#nextLookAt - this.#ports.clock.monotonic());
    this.#disarm = this.#ports.clock.after(delayMs, () => this.look());
  }

  async #pause(attempt: number): Promise<void> {
    const { clock, entropy } = this.#ports;
    const delayMs = retryDelayMs(storeBackoff, attempt, entropy.fraction());
    await new Promise<void>((resolve) => clock.after(delayMs, resolve));
  }

  async #idleWithin(limitMs: number): Promise<void> {
    if (this.#live.size === 0) return;
    await new Promise<void>((resolve) => {
      const disarm =
        limitMs === Infinity ? null : this.#ports.clock.after(limitMs, resolve, { keepAlive: true });
      this.#onIdle = () => {
        disarm?.();
        resolve();
      };
    });
    this.#onIdle = null;
  }
}
