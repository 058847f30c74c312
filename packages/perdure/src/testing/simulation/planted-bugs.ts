/**
 * Bugs that are put in on purpose, to see whether anybody notices. Each takes one line of the protocol away, by a wrapper around a
 * port or a patch of a class: production code has no switch for it.
 */
import { engineBugs } from "./planted/engine-bugs.ts";
import type { PlantedBug } from "./planted/planting.ts";
import { storeBugs } from "./planted/store-bugs.ts";

/** All bugs that can be planted. */
export const plantedBugs: readonly PlantedBug[] = [...storeBugs, ...engineBugs];
