/** The sub-path `perdure/testing`: what proves a store of one's own. */
export { omittedStoreCases, storeSuite, type StoreCase } from "./testing/store-suite.ts";
export type { StoreSubject } from "./testing/store-suite/store-scene.ts";
export {
  Campaign,
  findPlantedBug,
  type BugReport,
  type CampaignReport,
} from "./testing/simulation/campaign.ts";
export { plantedBugs } from "./testing/simulation/planted-bugs.ts";
export type { PlantedBug } from "./testing/simulation/planted/planting.ts";
export { runSeed, type SeedResult } from "./testing/simulation/run-seed.ts";
export {
  runDifferential,
  type DifferentialOptions,
  type DifferentialTally,
} from "./testing/store-differential.ts";
