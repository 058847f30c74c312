/**
 * One open database, with its statements prepared once.
 *
 * N1. A statement is prepared at its first use and kept: preparing costs ten times what running does.
 * N2. Every text is a constant or made of constants, so the number of statements is bounded.
 */
import type { Database, SqlValue, Statement } from "./driver.ts";

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
    return this.prepare(sql).run(...values) as Changes;
  }

  /** The first row, as an array in the order of the columns. */
  row<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.prepare(sql).get(...values) as Row | undefined;
  }

  rows<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.prepare(sql).all(...values) as Row[];
  }

  /** Closing finalizes the statements too; in a database that others have open it leaves the log to them. */
  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}
