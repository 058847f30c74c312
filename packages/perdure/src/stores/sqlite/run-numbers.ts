/**
 * The numbers of runs that this process owns, by their ids: a commit then finds its row without the tree of ids.
 *
 * A number belongs to its id while the row is there, and the fence of each write names a claim that no other row has. So a number
 * that is out of date finds nothing, as an unknown id would.
 */
import type { Connection } from "./connection.ts";

/** Some megabytes. Beyond it all are forgotten and looked up again. */
const mostNumbers = 50_000;

export class RunNumbers {
  readonly #numbers = new Map<string, number>();

  remember(id: string, number: number): void {
    if (this.#numbers.size >= mostNumbers) this.#numbers.clear();
    this.#numbers.set(id, number);
  }

  forget(id: string): void {
    this.#numbers.delete(id);
  }

  /** Undefined when there is no such run. */
  find(db: Connection, id: string): number | undefined {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    return db.row<[number: number]>("SELECT number FROM runs WHERE id = ?", id)?.[0];
  }
}
