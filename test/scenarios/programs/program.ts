/** What the programs of the process tests share: each is run by itself, in a folder of its own. */
import { createEngine, type Engine } from "perdure";

/** Says one fact to the test, as a line of JSON. */
export function tell(fact: string, value: unknown = null): void {
  process.stdout.write(`${JSON.stringify([fact, value])}\n`);
}

export function openEngine(options: { lease?: string } = {}): Engine {
  return createEngine({ store: "sqlite:./program.db", ...options });
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
