/**
 * The engine in simulated worlds: a short form with each `npm test`, 3,000 seeds with `PERDURE_PROOF=ci`, and more, with all planted
 * bugs, with `PERDURE_PROOF=long`. Worlds change with the generator, so that an old seed repeats its fault only at its own commit; the list
 * is played all the same.
 */
import assert from "node:assert/strict";
import { test } from "vitest";
import { Campaign, findPlantedBug } from "../../packages/perdure/src/testing/simulation/campaign.ts";
import { plantedBugs } from "../../packages/perdure/src/testing/simulation/planted-bugs.ts";
import { runSeed } from "../../packages/perdure/src/testing/simulation/run-seed.ts";
import failingSeeds from "./failing-seeds.json" with { type: "json" };

const proof = process.env["PERDURE_PROOF"];
const seeds = proof === "long" ? 15_000 : proof === "ci" ? 3_000 : 300;

test(`${seeds} seeds pass without a violation`, { timeout: 7_200_000 }, async () => {
  const campaign = new Campaign();
  for (let seed = 1; seed <= seeds; seed++) campaign.add(await runSeed(seed));
  const { failures, missing } = campaign.report;
  assert.deepEqual(failures, []);
  // Rare situations need more worlds than the short form has.
  if (proof !== undefined) assert.deepEqual(missing, []);
});

test("seeds that once failed pass", { timeout: 300_000 }, async () => {
  for (const { seed, found } of failingSeeds) {
    const { violations } = await runSeed(seed);
    assert.deepEqual(violations, [], `seed ${seed} again: ${found}`);
  }
});

/** Those that a few worlds are enough for; the others need up to 4,000. */
const quickBugs = [
  "a repeated write is refused",
  "the sweep takes the late for dead",
  "strange claims are not told",
  "a parked run has no due time",
  "nothing waits for the commit",
  "code does not come to rest between deliveries",
];

for (const { name } of plantedBugs.filter((bug) => proof !== undefined || quickBugs.includes(bug.name))) {
  test(`a planted bug is noticed: ${name}`, { timeout: 1_800_000 }, async () => {
    const { seeds: needed } = await findPlantedBug(name, 4_000);
    assert.ok(needed !== null, "no checker noticed it");
  });
}
