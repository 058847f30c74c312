/**
 * How work on the database begins, ends, and waits for its turn.
 *
 * T1. A write begins with BEGIN IMMEDIATE: it has the lock, and so the newest state, before it reads what it decides on.
 * T2. A transaction runs in one turn of the event loop, so no other work of this process can come between.
 * T3. Waiting for another process's lock happens outside the driver, but for the first `driverWaitMs`: a wait inside it
 *     stops the event loop, and with it every execution and every heartbeat of the process.
 * T4. Store time is read after the lock is held: a write that waited for it must not use an old time (a lease would be half over).
 * T5. Whatever fails is rolled back and reaches the caller as one of the port's errors.
 */
import type { Connection } from "./connection.ts";
import { isBusy, storeErrorFrom } from "./sqlite-error.ts";

/** Long enough for a neighbour's commit, short enough for a heartbeat. */
export const driverWaitMs = 20;
const shortestPauseMs = 2;
const longestPauseMs = 50;

export interface TransactionOptions {
  path: string;
  lockTimeoutMs: number;
  /** Store time, in whole milliseconds. */
  now: () => number;
  /** Throws once the store was closed. */
  connection: () => Connection;
}

export class Transactions {
  readonly #options: TransactionOptions;

  constructor(options: TransactionOptions) {
    this.#options = options;
  }

  /** Runs `work` while no other process writes. It may be run again, after its first try was rolled back. */
  write<T>(work: (db: Connection, now: number) => T): Promise<T> {
    return this.#transact("BEGIN IMMEDIATE", work);
  }

  /** Runs `work` on one unchanging state of the database. */
  read<T>(work: (db: Connection, now: number) => T): Promise<T> {
    return this.#transact("BEGIN", work);
  }

  /** For a single statement, or for several that need not agree with each other. */
  glance<T>(work: (db: Connection, now: number) => T): Promise<T> {
    return this.whenUnlocked(() => work(this.#options.connection(), this.#options.now()));
  }

  /** Tries again while the file is locked. Even opening it, or asking for a setting, can meet another's lock. */
  async whenUnlocked<T>(attempt: () => T): Promise<T> {
    const beganAt = performance.now();
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        return attempt();
      } catch (error) {
        const leftMs = this.#options.lockTimeoutMs - (performance.now() - beganAt);
        if (!isBusy(error) || leftMs <= 0) throw storeErrorFrom(error, this.#options.path);
        await pause(Math.min(leftMs, pauseMs * (0.5 + Math.random() / 2)));
      }
    }
  }

  #transact<T>(begin: string, work: (db: Connection, now: number) => T): Promise<T> {
    return this.whenUnlocked(() => {
      const db = this.#options.connection();
      db.run(begin);
      return finish(db, () => work(db, this.#options.now()));
    });
  }
}

function finish<T>(db: Connection, work: () => T): T {
  try {
    const result = work();
    db.run("COMMIT");
    return result;
  } catch (error) {
    try {
      db.run("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself already, as it does when the disk is full.
    }
    throw error;
  }
}

/** Keeps the process alive: it belongs to a call that somebody waits for. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
