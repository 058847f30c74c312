/** The sub-path `perdure/testing`: what proves a store of one's own. */
export { omittedStoreCases, storeSuite, type StoreCase } from "./testing/store-suite.ts";
export type { StoreSubject } from "./testing/store-suite/store-scene.ts";
