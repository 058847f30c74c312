/**
 * The proof in its long form: every suite, with the simulator and the crash points far beyond what a test run has time for.
 *
 * `npm run proof`, or `npm run proof -- ci` for the form of the CI, or `npm run proof -- long crash` for some suites alone.
 * Keeps what was run, and what not, in `proof/`.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { groups, printSummary, repositoryFolder, runSuites } from "./suites.mjs";

const [form = "long", ...chosen] = process.argv.slice(2);
const known = groups.flat();
const unknown = chosen.find((name) => !known.includes(name));
if (!["ci", "long"].includes(form) || unknown !== undefined) {
  console.error(
    unknown === undefined
      ? `The form is "${form}". It can be ci or long.`
      : `There is no suite "${unknown}". Known: ${known.join(", ")}.`,
  );
  process.exit(2);
}

const git = (...args) => execFileSync("git", args, { cwd: repositoryFolder, encoding: "utf8" }).trim();
const startedAt = new Date();
let output = "";
const asked = chosen.length > 0 ? chosen : known;
const result = await runSuites({ suites: asked, form, onOutput: (text) => (output += text) });

const report = {
  commit: git("rev-parse", "HEAD"),
  hasUncommittedChanges: git("status", "--porcelain") !== "",
  form,
  suitesNotAsked: known.filter((name) => !asked.includes(name)),
  startedAt: startedAt.toISOString(),
  durationMs: result.durationMs,
  node: process.version,
  system: `${type()} ${release()}`,
  cpu: `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown"}`,
  memoryMb: Math.round(totalmem() / 1_048_576),
  seed: process.env.PERDURE_SEED ?? null,
  // What the suites themselves told of seeds, counts and points.
  told: output
    .split("\n")
    .map(withoutColour)
    .filter((line) => /\bseeds?\b|\bpoints\b|\bpairs\b/i.test(line))
    .map((line) => line.trim()),
  passed: result.passed,
  failed: result.failed,
  skipped: result.skipped,
  suites: result.suites,
};
const folder = join(repositoryFolder, "proof");
const path = join(folder, `${report.startedAt.slice(0, 10)}-${report.commit.slice(0, 10)}-${form}.json`);
mkdirSync(folder, { recursive: true });
writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
console.log(`\nKept in ${path}`);
printSummary(result);
process.exit(result.failed === 0 ? 0 : 1);

function withoutColour(line) {
  return line.replaceAll(/\u001b\[[0-9;]*m/g, "");
}
