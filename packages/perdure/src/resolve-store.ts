/** From a store's address to the store. Its code, and its driver, are loaded only when it is opened. */
import type { Clock } from "./clock.ts";
import { PerdureError } from "./errors.ts";
import type { Store } from "./store.ts";

/** @throws PerdureError `UNKNOWN_STORE` at once when the address is none that this version knows. */
export function resolveStore(store: string | Store, clock: Clock): () => Promise<Store> {
  if (typeof store !== "string") return async () => store;
  const scheme = /^([a-z]+):/.exec(store)?.[1];
  const rest = store.slice((scheme?.length ?? 0) + 1);
  switch (scheme) {
    case "memory":
      return async () => (await import("./stores/memory/memory-store.ts")).createMemoryStore({ clock });
    case "sqlite":
      if (rest === "") break;
      return async () =>
        (await import("./stores/sqlite/sqlite-store.ts")).createSqliteStore({ path: rest, clock });
    default:
      break;
  }
  throw new PerdureError(
    "UNKNOWN_STORE",
    `The store ${JSON.stringify(store.replace(/\/\/.*@/, "//…@"))} is none that this version knows. Write "sqlite:./file.db" or "memory:", or hand over a store.`,
  );
}
