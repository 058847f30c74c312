/**
 * All tests: `npm test`, or some suites of them: `npm test -- unit stores`.
 *
 * `PERDURE_PROOF=ci` runs the simulator and the crash points in the form of the CI, `PERDURE_PROOF=long` without bounds worth naming.
 */
import { writeFileSync } from "node:fs";
import { groups, printSummary, runSuites } from "./suites.mjs";

const known = groups.flat();
const chosen = process.argv.slice(2);
const form = process.env.PERDURE_PROOF || "short";
const unknown = chosen.find((name) => !known.includes(name));
if (unknown !== undefined || !["short", "ci", "long"].includes(form)) {
  console.error(
    unknown === undefined
      ? `PERDURE_PROOF is "${form}". It can be ci, long, or nothing.`
      : `There is no suite "${unknown}". Known: ${known.join(", ")}.`,
  );
  process.exit(2);
}

const result = await runSuites({ suites: chosen.length > 0 ? chosen : known, form });
if (process.env.PERDURE_TEST_REPORT)
  writeFileSync(process.env.PERDURE_TEST_REPORT, JSON.stringify(result, null, 2));
printSummary(result);
process.exit(result.failed === 0 ? 0 : 1);
