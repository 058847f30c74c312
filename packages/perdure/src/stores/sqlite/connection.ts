/**
 * One open database, with its statements prepared once.
 *
 * N1. A statement is prepared at its first use and kept: preparing costs ten times what running does.
 * N2. Every text of SQL is a constant or made of constants, so the number of statements is bounded.
 * N3. A bound limit is written `LIMIT ? + 0`. From a bare `LIMIT ?` SQLite looks at the value to plan by it, and so prepares the
 *     statement anew whenever one is bound: 7 microseconds for a statement that takes one.
 * N4. Values pass here in both directions, so that no text is written or read without `text.ts`.
 */
import type { Database, SqlValue, Statement } from "./driver.ts";
import { decodeText, encodeText } from "./text.ts";

export interface Changes {
  changes: number;
  lastInsertRowid: number;
}

export class Connection {
  readonly #database: Database;
  readonly #statements = new Map<string, Statement>();

  constructor(database: Database) {
    this.#database = database;
  }

  prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Statements that run once, and several in one text. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  run(sql: string, ...values: SqlValue[]): Changes {
    return this.prepare(sql).run(...encode(values)) as Changes;
  }

  /** The first row, as an array in the order of the columns. */
  row<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    const row = this.prepare(sql).get(...encode(values)) as SqlValue[] | undefined;
    return row && (decode(row) as Row);
  }

  rows<Row>(sql: string, ...values: SqlValue[]): Row[] {
    const rows = this.prepare(sql).all(...encode(values)) as SqlValue[][];
    for (const row of rows) decode(row);
    return rows as Row[];
  }

  /**
   * Node's SQLite finalizes the statements, and the last connection to close empties the log. The package leaves statements to
   * the garbage collector and the file open until then, so the log is emptied by hand: the file alone is then the whole store.
   */
  close(): void {
    this.#statements.clear();
    try {
      this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // The log stays, and whoever opens the file next goes on from it.
    }
    this.#database.close();
  }
}

/** In place: the array is the rest parameter of the call. */
function encode(values: SqlValue[]): SqlValue[] {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (typeof value === "string") values[index] = encodeText(value);
  }
  return values;
}

function decode(row: SqlValue[]): SqlValue[] {
  for (let index = 0; index < row.length; index++) {
    const value = row[index]!;
    if (typeof value === "string") row[index] = decodeText(value);
  }
  return row;
}
