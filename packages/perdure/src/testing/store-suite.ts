/**
 * The conformance suite of the store port: what an implementation must do, as cases for any test runner.
 *
 * ```ts
 * for (const { group, name, run } of storeSuite({ name: "mine", open: () => openMine() })) test(`${group}: ${name}`, run);
 * ```
 *
 * C1. Each case opens a fresh store and closes it, and shares nothing with another.
 * C2. A case that needs an ability that the subject lacks is not in the list; `omittedStoreCases` names it.
 */
import { adoptionCases } from "./store-suite/adoption-cases.ts";
import { claimCases } from "./store-suite/claim-cases.ts";
import { commitCases } from "./store-suite/commit-cases.ts";
import { createCases } from "./store-suite/create-cases.ts";
import { deliverCases } from "./store-suite/deliver-cases.ts";
import { expireCases } from "./store-suite/expire-cases.ts";
import { heldCases } from "./store-suite/held-cases.ts";
import { hostileCases } from "./store-suite/hostile-cases.ts";
import { leaveCases } from "./store-suite/leave-cases.ts";
import { lifecycleCases } from "./store-suite/lifecycle-cases.ts";
import { listCases } from "./store-suite/list-cases.ts";
import { ownershipCases } from "./store-suite/ownership-cases.ts";
import { raceCases } from "./store-suite/race-cases.ts";
import { readCases } from "./store-suite/read-cases.ts";
import { StoreScene, type SceneCase, type StoreSubject } from "./store-suite/store-scene.ts";
import { unownedCases } from "./store-suite/unowned-cases.ts";
import { workerCases } from "./store-suite/worker-cases.ts";

/** One guarantee. `run` rejects when the store does not give it. */
export interface StoreCase {
  group: string;
  name: string;
  run: () => Promise<void>;
}

const groups: Record<string, readonly SceneCase[]> = {
  lifecycle: lifecycleCases,
  create: createCases,
  adoption: adoptionCases,
  deliver: deliverCases,
  workers: workerCases,
  claim: claimCases,
  ownership: ownershipCases,
  commit: commitCases,
  leave: leaveCases,
  held: heldCases,
  unowned: unownedCases,
  expire: expireCases,
  read: readCases,
  list: listCases,
  hostile: hostileCases,
  race: raceCases,
};

/** The cases that this store can be asked. */
export function storeSuite(subject: StoreSubject): StoreCase[] {
  return allCases()
    .filter(({ sceneCase }) => !lacks(subject, sceneCase))
    .map(({ group, sceneCase }) => ({
      group,
      name: sceneCase.name,
      async run() {
        const scene = await StoreScene.open(subject);
        try {
          await sceneCase.check(scene);
        } finally {
          await scene.close();
        }
      },
    }));
}

/** The cases that are left out for this store, and the ability that each would need. */
export function omittedStoreCases(subject: StoreSubject): { group: string; name: string; needs: string }[] {
  return allCases().flatMap(({ group, sceneCase }) =>
    lacks(subject, sceneCase) ? [{ group, name: sceneCase.name, needs: sceneCase.needs! }] : [],
  );
}

function allCases(): { group: string; sceneCase: SceneCase }[] {
  return Object.entries(groups).flatMap(([group, cases]) => cases.map((sceneCase) => ({ group, sceneCase })));
}

function lacks(subject: StoreSubject, { needs }: SceneCase): boolean {
  return needs !== undefined && subject[needs] === undefined;
}
