/**
 * The tables, and how a file gets them.
 *
 * M1. A migration is one step from one version to the next, never changed once it was released, and never undone.
 * M2. All that are missing run in one transaction that holds the write lock: ten processes at once do it once.
 * M3. The version is the file's `user_version`. A version above the newest known is left alone: `STORE_TOO_NEW`.
 * M4. A file that is not ours (another `application_id`, tables without ours, no database at all) is never written to, and so is
 *     looked at before a connection that could write is opened.
 */
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { PerdureError } from "../../errors.ts";
import type { Connection } from "./connection.ts";
import type { Driver } from "./driver.ts";

/** "Perd" in ASCII: what `file` and SQLite itself show of a file. */
const applicationId = 0x50657264;

/**
 * Runs have a `number` besides their id, and it is what events and messages refer to. With the id in every row of them, the
 * tables were 15 % larger and the end of a run cost twice as much. A number is never given out and is nobody's business outside.
 *
 * Each index costs every write that touches it about a microsecond, so there is one for each question that must not depend on the number of
 * runs, and no column of any is among those that a write in the middle of a run changes (`next_seq`, `commit_number`,
 * `crash_count`, `updated_at`, `inbox_seq`).
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE runs (
    number          INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    kind            TEXT NOT NULL,
    queue           TEXT NOT NULL,
    workflow        TEXT NOT NULL,
    version         TEXT NOT NULL,
    status          TEXT NOT NULL,
    priority        INTEGER NOT NULL,
    claim           TEXT,
    worker_id       TEXT,
    wake_at         INTEGER,
    held            INTEGER NOT NULL DEFAULT 0,
    waiting_for     TEXT,
    next_seq        INTEGER NOT NULL,
    commit_number   INTEGER NOT NULL DEFAULT 0,
    inbox_seq       INTEGER NOT NULL DEFAULT 0,
    crash_count     INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deadline_at     INTEGER,
    idempotency_key TEXT,
    input_hash      TEXT,
    attempt         INTEGER NOT NULL,
    predecessor_id  TEXT,
    successor_id    TEXT,
    attributes      TEXT
  );

  -- What can be claimed, in the order in which it is. Runs that are owned, ended or wait for their inbox have no due time.
  CREATE INDEX runs_ready ON runs (queue, workflow, version, priority DESC, wake_at, id) WHERE wake_at IS NOT NULL;
  -- What a worker owns: freed when it dies, named when it renews.
  CREATE INDEX runs_owned ON runs (worker_id, id) WHERE worker_id IS NOT NULL;
  CREATE INDEX runs_held ON runs (queue, workflow, version) WHERE held = 1;
  CREATE UNIQUE INDEX runs_key ON runs (idempotency_key, workflow) WHERE idempotency_key IS NOT NULL;
  -- Lists, newest first. Dead letters are few among many, and the first thing that is asked for.
  CREATE INDEX runs_created ON runs (created_at, id);
  CREATE INDEX runs_failed ON runs (created_at, id) WHERE status = 'failed';
  CREATE INDEX runs_cancelled ON runs (created_at, id) WHERE status = 'cancelled';

  -- The only place of inputs, outputs and failures.
  CREATE TABLE events (
    run     INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    type    TEXT NOT NULL,
    op      INTEGER,
    name    TEXT,
    at      INTEGER NOT NULL,
    body    TEXT,
    payload TEXT,
    PRIMARY KEY (run, seq)
  ) WITHOUT ROWID;

  -- A consumed message stays: its id is known for the life of its run.
  CREATE TABLE messages (
    run      INTEGER NOT NULL,
    id       TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    payload  TEXT,
    at       INTEGER NOT NULL,
    consumed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, id)
  ) WITHOUT ROWID;
  CREATE INDEX messages_unread ON messages (run, seq) WHERE consumed = 0;

  CREATE TABLE workers (
    id          TEXT PRIMARY KEY,
    lease_ms    INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    dead        INTEGER NOT NULL DEFAULT 0,
    started_at  INTEGER NOT NULL,
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    version     TEXT NOT NULL,
    lanes       TEXT NOT NULL,
    concurrency INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- For searching alone: the run's row has them all. The value is JSON, so that 1 and '1' differ.
  CREATE TABLE attributes (
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    run   INTEGER NOT NULL,
    PRIMARY KEY (name, value, run)
  ) WITHOUT ROWID;
  `,
];

export const schemaVersion = migrations.length;

/**
 * Looks at a file before anything may write to it, and makes its folder when there is none.
 *
 * @throws PerdureError `STORE_CORRUPT` when the file is somebody else's; what `fs` says when it may not be written.
 */
export function inspectFile(path: string, driver: Driver): void {
  makeFolder(dirname(path));
  const header = readHeader(path);
  if (header.length === 0) return;
  // SQLite would open it for reading alone, and stay so when the file may be written again.
  accessSync(path, constants.W_OK);
  if (header.length < headerBytes || header.toString("latin1", 0, 16) !== "SQLite format 3\0")
    throw foreign(path, "is no SQLite database");
  const owner = header.readUInt32BE(68);
  if (owner === applicationId) return;
  if (owner !== 0) throw foreign(path, `belongs to another application (application_id ${owner})`);
  // Without an owner it may be an empty database, or one whose log has what the file has not.
  const database = new driver.DatabaseSync(path, { readOnly: true });
  try {
    assertOursOrEmpty(path, (sql) => Object.values(database.prepare(sql).get() as object)[0] as number);
  } finally {
    database.close();
  }
}

/** One level at a time: below `/proc`, the recursive form of Node 20 never comes back. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have been faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Brings the tables up to date. To be run with the write lock. */
export function migrate(db: Connection, path: string): void {
  const read = (sql: string): number => db.row<[number]>(sql)![0];
  assertOursOrEmpty(path, read);
  const version = read("PRAGMA user_version");
  assertKnown(path, version);
  if (version === schemaVersion) return;
  for (const migration of migrations.slice(version)) db.exec(migration);
  db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`);
}

/** Whether the tables are up to date already, which needs no lock to see. */
export function isMigrated(db: Connection, path: string): boolean {
  const version = db.row<[number]>("PRAGMA user_version")![0];
  assertKnown(path, version);
  return version === schemaVersion && db.row<[number]>("PRAGMA application_id")![0] === applicationId;
}

function assertKnown(path: string, version: number): void {
  if (version <= schemaVersion) return;
  throw new PerdureError(
    "STORE_TOO_NEW",
    `The SQLite store ${path} has schema version ${version}, and this version of perdure knows ${schemaVersion}. ` +
      `A newer one has opened it: update this process. Nothing was changed.`,
  );
}

function assertOursOrEmpty(path: string, read: (sql: string) => number): void {
  const owner = read("PRAGMA application_id");
  if (owner === applicationId) return;
  if (owner !== 0) throw foreign(path, `belongs to another application (application_id ${owner})`);
  if (read("SELECT count(*) FROM sqlite_schema") > 0)
    throw foreign(path, "is a SQLite database with tables of something else");
}

function foreign(path: string, what: string): PerdureError {
  return new PerdureError(
    "STORE_CORRUPT",
    `The file ${path} ${what}. It was left as it is. Give the store a path of its own, or restore a backup if this was one.`,
  );
}

const headerBytes = 100;

/** The file header of SQLite (https://sqlite.org/fileformat.html, 1.3); empty when there is no file, or nothing in it. */
function readHeader(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
  try {
    const header = Buffer.alloc(headerBytes);
    return header.subarray(0, readSync(file, header, 0, headerBytes, 0));
  } finally {
    closeSync(file);
  }
}
