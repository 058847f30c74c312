/**
 * Which SQLite is used: the one inside Node where it has one, else `@photostructure/sqlite`, which has the same API.
 *
 * V1. Neither is loaded before a store is opened: a program on another store needs no SQLite.
 * V2. Statements answer rows as arrays. They are read by position, and no keys are made for each row.
 */
import { createRequire } from "node:module";

export type SqlValue = null | number | string;

export interface Statement {
  run(...values: SqlValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...values: SqlValue[]): unknown;
  all(...values: SqlValue[]): unknown[];
  setReturnArrays(isOn: boolean): void;
}

export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

export interface Driver {
  DatabaseSync: new (path: string, options?: { readOnly?: boolean }) => Database;
}

let loaded: Driver | undefined;

export function loadDriver(): Driver {
  return (loaded ??= loadBuiltIn() ?? loadPackage());
}

/** Node 22 has the module behind a flag at first, and without `setReturnArrays` for some releases more. */
function loadBuiltIn(): Driver | undefined {
  const builtIn = withoutSqliteWarning(() => process.getBuiltinModule("node:sqlite")) as unknown as
    (Driver & { StatementSync: { prototype: object } }) | undefined;
  return builtIn && "setReturnArrays" in builtIn.StatementSync.prototype ? builtIn : undefined;
}

function loadPackage(): Driver {
  return createRequire(import.meta.url)("@photostructure/sqlite") as Driver;
}

/**
 * Node warns once, while it loads the module. That it is experimental there is our decision and not the user's, so the warning
 * stops here. Loading is synchronous: no other warning can pass meanwhile, and one of another kind goes through.
 */
function withoutSqliteWarning<T>(load: () => T): T {
  const original = Object.getOwnPropertyDescriptor(process, "emitWarning")!;
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (typeof warning === "string" && warning.startsWith("SQLite is an experimental feature")) return;
    (emitWarning as (...all: unknown[]) => void)(warning, ...rest);
  };
  try {
    return load();
  } finally {
    Object.defineProperty(process, "emitWarning", original);
  }
}
