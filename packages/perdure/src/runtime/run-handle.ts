/** One run, from outside. */
import type { Clock } from "../clock.ts";
import { PerdureError } from "../errors.ts";
import { parseDuration, type Duration } from "../model/duration.ts";
import { isRunEnd } from "../model/event.ts";
import { decodeFailure } from "../model/failure.ts";
import { decodePayload } from "../model/payload.ts";
import { isEnded, type RunStatus } from "../model/run.ts";
import type { Store } from "../store.ts";
import { viewEvent, type HistoryEvent } from "./history-view.ts";
import { requireRun, retry, terminate } from "./intervention.ts";
import type { RunChanges, RunEnd } from "./run-changes.ts";
import { describeRun, outputOf, type RunDetails } from "./run-info.ts";
import type { RunWatch } from "./run-watch.ts";

export interface HandlePorts {
  /** Opened. */
  store: () => Promise<Store>;
  clock: Clock;
  changes: RunChanges;
  watch: RunWatch;
  /** A run has become due, or has a message. */
  hint: (runId: string) => void;
}

/** Events read at a time. */
const historyPage = 1_000;
/** How often a live list of events is looked at when nothing was heard. */
const eventsPollMs = 250;

/** One run, from outside: its status, result, history and end. Making one looks nothing up. */
export class RunHandle<Output = unknown> {
  readonly id: string;
  readonly #ports: HandlePorts;
  readonly #isNew: boolean;
  /** Whether this start made the run; false when it was there. */
  readonly created: boolean;

  constructor(ports: HandlePorts, id: string, options: { created?: boolean } = {}) {
    this.#ports = ports;
    this.id = id;
    this.#isNew = options.created ?? false;
    this.created = this.#isNew;
  }

  /**
   * Where the run is in its life.
   *
   * @throws PerdureError `RUN_NOT_FOUND`.
   */
  async status(): Promise<RunStatus> {
    return (await requireRun(await this.#ports.store(), this.id)).run.status;
  }

  /**
   * All that is known of the run without its history: status, what it waits for, output or failure.
   *
   * @throws PerdureError `RUN_NOT_FOUND`.
   */
  async info(): Promise<RunDetails> {
    const store = await this.#ports.store();
    const { run, payload, now } = await requireRun(store, this.id);
    const info = describeRun(run, now, await store.workers());
    if (payload === null) return info;
    return run.status === "completed"
      ? { ...info, output: decodePayload(payload) }
      : { ...info, failure: decodeFailure(payload) };
  }

  /**
   * Waits for the run's end and gives its output. Follows the runs that take its place.
   *
   * @param options.timeout how long to wait here; the run itself goes on. Default: without limit.
   * @throws RunFailedError with the original as its `cause`, CancelledError, or PerdureError `RESULT_TIMEOUT`, `RUN_NOT_FOUND`.
   */
  async result(options: { timeout?: Duration } = {}): Promise<Output> {
    const { clock } = this.#ports;
    const timeoutMs =
      options.timeout === undefined ? Infinity : parseDuration(options.timeout, "timeout of result()");
    const endsAt = clock.monotonic() + timeoutMs;
    let runId = this.id;
    if (!this.#isNew) await requireRun(await this.#ports.store(), runId);
    for (;;) {
      const end = await this.#endOf(runId, endsAt - clock.monotonic(), options.timeout);
      if (end.successorId === null) {
        const workflow =
          end.status === "failed" ? (await requireRun(await this.#ports.store(), runId)).run.workflow : "";
        return outputOf({ id: runId, workflow }, end) as Output;
      }
      runId = end.successorId;
    }
  }

  /**
   * The events so far, in order.
   *
   * @throws PerdureError `RUN_NOT_FOUND`.
   */
  async history(): Promise<HistoryEvent[]> {
    const store = await this.#ports.store();
    await requireRun(store, this.id);
    const events: HistoryEvent[] = [];
    for (;;) {
      const page = await store.history({ runId: this.id, afterSeq: events.length, limit: historyPage });
      events.push(...page.map(viewEvent));
      if (page.length < historyPage) return events;
    }
  }

  /**
   * The events, those that are there and then each new one, until the run ends.
   *
   * @param options.after the number of the last event that is known already. Default 0.
   * @throws PerdureError `RUN_NOT_FOUND`.
   */
  async *events(options: { after?: number } = {}): AsyncGenerator<HistoryEvent, void, undefined> {
    const store = await this.#ports.store();
    await requireRun(store, this.id);
    let afterSeq = options.after ?? 0;
    for (;;) {
      // Listening begins before the look, so that nothing falls between.
      const change = this.#nextChange();
      try {
        const page = await store.history({ runId: this.id, afterSeq, limit: historyPage });
        for (const stored of page) {
          afterSeq = stored.seq;
          yield viewEvent(stored);
        }
        if (page.length === historyPage) continue;
        // An end with events behind it was taken back by a retry.
        const last = page.at(-1);
        if (last ? isRunEnd(last.type) : await this.#hasEndedBy(afterSeq)) return;
        await change.happened;
      } finally {
        change.stop();
      }
    }
  }

  /**
   * Ends the run at once, without its clean-up: its status becomes `cancelled` with the code `TERMINATED`. Settles when that is certain;
   * a worker that has the run ends it within moments. Answers false when the run had ended before.
   *
   * @throws PerdureError `RUN_NOT_FOUND`.
   */
  async terminate(options: { reason?: string } = {}): Promise<boolean> {
    const reason = options.reason ?? "The run was terminated.";
    const answer = await terminate(await this.#ports.store(), this.id, reason);
    if (answer === "had-ended") return false;
    this.#ports.hint(this.id);
    this.#ports.changes.emit(this.id, null);
    return true;
  }

  /**
   * Has a failed run (a dead letter) go on from the step that failed, with all its attempts ahead. What was recorded stays: when other
   * steps have completed after that failure, because the code caught it, the run goes on from its end instead, which helps once
   * its code was mended.
   *
   * @throws PerdureError `RUN_NOT_FOUND`, `RUN_NOT_FAILED`.
   */
  async retry(): Promise<void> {
    await retry(await this.#ports.store(), this.id);
    this.#ports.hint(this.id);
  }

  /** Whether there is no event to come: the run's end is among those that the reader knew before. */
  async #hasEndedBy(seq: number): Promise<boolean> {
    const { run } = await requireRun(await this.#ports.store(), this.id);
    return isEnded(run.status) && run.nextSeq - 1 <= seq;
  }

  #endOf(runId: string, timeoutMs: number, timeout: Duration | undefined): Promise<RunEnd> {
    return new Promise((resolve, reject) => {
      let disarm = (): void => undefined;
      const stop = this.#ports.watch.onEnd(runId, this.#isNew && runId === this.id, (end) => {
        disarm();
        resolve(end);
      });
      if (timeoutMs === Infinity) return;
      disarm = this.#ports.clock.after(Math.max(0, timeoutMs), () => {
        stop();
        reject(
          new PerdureError(
            "RESULT_TIMEOUT",
            `Run "${this.id}" did not end within ${String(timeout)}. It goes on: wait longer, or look at what it waits for with info().`,
          ),
        );
      });
    });
  }

  #nextChange(): { happened: Promise<void>; stop: () => void } {
    let stop = (): void => undefined;
    const happened = new Promise<void>((resolve) => {
      const unlisten = this.#ports.changes.listen(this.id, () => resolve());
      const disarm = this.#ports.clock.after(eventsPollMs, resolve, { keepAlive: true });
      stop = () => {
        unlisten();
        disarm();
      };
    });
    return { happened, stop };
  }
}
