/** The sub-path `perdure/sqlite`: the embedded store, for those who hand it to an engine themselves. */
export { createSqliteStore, type SqliteStoreOptions } from "./stores/sqlite/sqlite-store.ts";
