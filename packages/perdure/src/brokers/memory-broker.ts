/** Hints within one process: at once, and never lost while the process lives. */
import type { Broker, Hint } from "../broker.ts";

export function createMemoryBroker(): Broker {
  const subscribers = new Set<(hint: Hint) => void>();
  return {
    description: "memory:",
    publish(hints) {
      for (const hint of hints) for (const subscriber of [...subscribers]) subscriber(hint);
    },
    subscribe(onHint) {
      subscribers.add(onHint);
      return () => void subscribers.delete(onHint);
    },
    async close() {
      subscribers.clear();
    },
  };
}
