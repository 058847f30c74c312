/**
 * The embedded store: one SQLite file, shared by the processes of one machine.
 *
 * D1. What was answered survives: a commit is in the write-ahead log and flushed to the disk (`durability: "power"`, the default), or
 *     with the operating system (`"process"`).
 * D2. Each process has a connection of its own, and one writes at a time. Who waits for its turn does so without stopping its
 *     event loop (`transaction.ts`).
 * D3. A file that is not a store of ours is never written to (`schema.ts`).
 */
import { resolve } from "node:path";
import { systemClock, type Clock } from "../../clock.ts";
import { PerdureError } from "../../errors.ts";
import { parseDuration, type Duration } from "../../model/duration.ts";
import type { NewMessage } from "../../model/message.ts";
import type { Lane } from "../../model/run.ts";
import type {
  Adoption,
  ClaimRequest,
  NewRun,
  NewWorker,
  OwnedClaim,
  RenewRequest,
  RunFilter,
  RunQuery,
  RunWrite,
  Store,
} from "../../store.ts";
import { watchChanges } from "./change-watch.ts";
import { claimRuns, loadRun } from "./claim.ts";
import { commitWrites } from "./commit.ts";
import { Connection } from "./connection.ts";
import { createRuns } from "./create.ts";
import { loadDriver } from "./driver.ts";
import { readEvents } from "./events.ts";
import { deliverMessage } from "./inbox.ts";
import { RunNumbers } from "./run-numbers.ts";
import { countRuns, listRuns, readSnapshot, readSnapshots } from "./reads.ts";
import { inspectFile, isMigrated, migrate, schemaVersion } from "./schema.ts";
import { storeErrorFrom } from "./sqlite-error.ts";
import { driverWaitMs, Transactions } from "./transaction.ts";
import {
  expireWorkers,
  readWorkers,
  registerWorker,
  releaseClaims,
  renewLease,
  unregisterWorker,
} from "./workers.ts";
import { unholdRuns } from "./hold.ts";

/** Which file, and how carefully it is written. */
export interface SqliteStoreOptions {
  /** The file. It is made when there is none, and its folder too. */
  path: string;
  /** Store time. Default: this machine's. */
  clock?: Clock;
  /** What a commit survives: `power` a power cut (the default), `process` only the end of the process, at a lower price. */
  durability?: "power" | "process";
  /** How long a call waits for other processes before it rejects with `STORE_LOCKED`. Default `"5s"`. */
  lockTimeout?: Duration;
}

/**
 * A store in one SQLite file, for one machine and any number of its processes. Nothing is opened before `open()`.
 *
 * @throws PerdureError `INVALID_DURATION` for a `lockTimeout` that is none.
 * @example const engine = createEngine({ store: createSqliteStore({ path: "./data/perdure.db" }) });
 */
export function createSqliteStore(options: SqliteStoreOptions): Store {
  return new SqliteStore(options);
}

/**
 * The log is copied into the database at 16 MB instead of at 4: under load the copying, with its two flushes, is what commits wait
 * for. It then starts over; a long reader may make it grow, and 64 MB is what it is cut back to.
 */
const logPages = 4_000;
const logBytes = 67_108_864;
/** In KiB. The upper pages of the trees, and those that many runs are writing to. */
const cacheKib = 32_768;

class SqliteStore implements Store {
  readonly description: string;
  readonly #path: string;
  readonly #durability: "power" | "process";
  readonly #transactions: Transactions;
  readonly #numbers = new RunNumbers();
  #connection: Connection | undefined;
  #opening: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: SqliteStoreOptions) {
    this.description = `sqlite:${options.path}`;
    this.#path = resolve(options.path);
    this.#durability = options.durability ?? "power";
    this.#transactions = new Transactions({
      path: this.#path,
      lockTimeoutMs: parseDuration(options.lockTimeout ?? "5s", "lockTimeout of the SQLite store"),
      now: createStoreTime(options.clock),
      connection: () => this.#requireConnection(),
    });
  }

  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      // Whatever was wrong may be mended: the next call tries anew.
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    this.#requireNotClosed();
    let connection: Connection | undefined;
    try {
      const driver = loadDriver();
      await this.#transactions.whenUnlocked(() => inspectFile(this.#path, driver));
      this.#requireNotClosed();
      this.#connection = connection = new Connection(new driver.DatabaseSync(this.#path));
      await this.#transactions.glance((db) =>
        db.exec(`
        PRAGMA busy_timeout = ${driverWaitMs};
        PRAGMA synchronous = ${this.#durability === "power" ? "FULL" : "NORMAL"};
        PRAGMA cache_size = -${cacheKib};
        PRAGMA temp_store = MEMORY;
        PRAGMA wal_autocheckpoint = ${logPages};
        PRAGMA journal_size_limit = ${logBytes};
      `),
      );
      await this.#prepareFile();
    } catch (error) {
      this.#connection = undefined;
      connection?.close();
      throw storeErrorFrom(error, this.#path);
    }
  }

  async #prepareFile(): Promise<void> {
    const transactions = this.#transactions;
    if (!(await transactions.glance((db) => isMigrated(db, this.#path))))
      await transactions.write((db) => migrate(db, this.#path));
    const mode = await transactions.glance((db) => db.row<[string]>("PRAGMA journal_mode = WAL")![0]);
    if (mode !== "wal") {
      throw new PerdureError(
        "STORE_UNAVAILABLE",
        `The SQLite store ${this.#path} cannot have a write-ahead log (its journal mode is "${mode}"). Put it on a disk of ` +
          `this machine: network file systems lack the shared memory that it needs.`,
      );
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => undefined);
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  #requireNotClosed(): void {
    if (!this.#isClosed) return;
    throw new PerdureError(
      "ALREADY_CLOSED",
      `The store "${this.description}" was closed. Open a new one, or close it only when its clients and workers have ended.`,
    );
  }

  #requireConnection(): Connection {
    this.#requireNotClosed();
    if (this.#connection) return this.#connection;
    throw new PerdureError(
      "STORE_UNAVAILABLE",
      `The store "${this.description}" is not open. Await its open() first.`,
    );
  }

  create(runs: readonly NewRun[], adoption?: Adoption) {
    return this.#transactions.write((db, now) => createRuns(db, now, runs, adoption, this.#numbers));
  }

  deliver(messages: readonly NewMessage[]) {
    return this.#transactions.write((db, now) => messages.map((message) => deliverMessage(db, now, message)));
  }

  register(worker: NewWorker) {
    return this.#transactions.write((db, now) => {
      registerWorker(db, now, worker);
      return { now };
    });
  }

  renew(request: RenewRequest) {
    return this.#transactions.write((db, now) => renewLease(db, now, request));
  }

  unregister(workerId: string) {
    return this.#transactions.write((db, now) => unregisterWorker(db, now, workerId));
  }

  claim(request: ClaimRequest) {
    return claimRuns(this.#transactions, request, this.#numbers);
  }

  load(request: { runId: string; claim: string; afterSeq: number }) {
    return this.#transactions.read((db, now) => loadRun(db, now, request));
  }

  release(claims: readonly OwnedClaim[]) {
    return this.#transactions.write((db, now) => releaseClaims(db, now, claims));
  }

  commit(writes: readonly RunWrite[]) {
    return commitWrites(this.#transactions, writes, this.#numbers);
  }

  expire(limit: number) {
    return expireWorkers(this.#transactions, limit);
  }

  unhold(lanes: readonly Lane[]) {
    return unholdRuns(this.#transactions, lanes);
  }

  run(id: string) {
    return this.#transactions.glance((db, now) => readSnapshot(db, now, id));
  }

  snapshots(ids: readonly string[]) {
    return this.#transactions.glance((db, now) => readSnapshots(db, now, ids));
  }

  runs(query: RunQuery) {
    return this.#transactions.glance((db) => listRuns(db, query));
  }

  count(filter: RunFilter) {
    return this.#transactions.glance((db) => countRuns(db, filter));
  }

  history({ runId, afterSeq, limit }: { runId: string; afterSeq: number; limit: number }) {
    return this.#transactions.glance((db) => {
      const row = db.row<[number: number]>("SELECT number FROM runs WHERE id = ?", runId);
      return row ? readEvents(db, row[0], afterSeq, limit) : [];
    });
  }

  workers() {
    return this.#transactions.glance(readWorkers);
  }

  health() {
    return this.#transactions.glance((db, now) => {
      db.row("SELECT number FROM runs LIMIT 1");
      return { now, durability: this.#durability, schemaVersion };
    });
  }

  watch(onChange: () => void): () => void {
    this.#requireConnection();
    return watchChanges({
      file: `${this.#path}-wal`,
      readVersion: () => this.#connection?.row<[number]>("PRAGMA data_version")![0],
      onChange,
    });
  }
}

/**
 * Whole milliseconds that do not go back while the process lives: the system's clock may be set. A clock that was handed in is
 * the caller's, who may set it back on purpose.
 */
function createStoreTime(clock: Clock | undefined): () => number {
  if (clock) return () => Math.floor(clock.now());
  let latest = 0;
  return () => (latest = Math.max(latest, Math.floor(systemClock.now())));
}
