/**
 * Runs the suites of the repository and adds up what came of them.
 *
 * A1. What was not run is counted and named. With `CI` set, what could not be run is a failure; what belongs to a longer form, or
 *     can't apply, is not.
 * A2. A suite without tests, one that ends without a report, and one that takes too long have failed.
 * A3. Beyond the short form, what the release of Node could change runs on the others as well: each has another SQLite.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchNode, otherReleases } from "./other-nodes.mjs";

export const repositoryFolder = fileURLToPath(new URL("../", import.meta.url));

/** Suites of a group share two cores; groups follow each other, so that what measures time is not beside what burns it. */
export const groups = [
  ["unit", "architecture", "stores"],
  ["scenarios", "cli", "examples"],
  ["simulation", "crash"],
  ["surface"],
];

/** What runs on the other releases of Node too. */
const onOtherNodes = ["unit", "stores", "scenarios"];

/** Their tests are shorter or longer, or left out, by `PERDURE_PROOF`: nothing, `ci` or `long`. */
const proofs = ["simulation", "crash"];

const folders = {
  unit: "packages/perdure/src/",
  ...Object.fromEntries(
    ["architecture", "stores", "scenarios", "cli", "examples", "simulation", "crash", "surface"].map(
      (name) => [name, `test/${name}/`],
    ),
  ),
};

/** Tests that can never apply to what they are skipped on, or to whom. */
const inapplicable = [
  { name: /there is no second store over the same memory/, when: () => true },
  // Whoever is root may write everywhere.
  { name: /in a folder of somebody else is STORE_NOT_WRITABLE/, when: () => process.getuid?.() === 0 },
];

const limitMs = { short: 8 * 60_000, ci: 20 * 60_000, long: 24 * 3_600_000 };

/**
 * @param {{ suites: readonly string[], form: "short" | "ci" | "long", onOutput?: (text: string) => void }} options
 */
export async function runSuites({ suites, form, onOutput }) {
  const startedAt = Date.now();
  const results = [];
  for (const group of groups) {
    const chosen = group.filter((name) => suites.includes(name));
    if (chosen.length > 0) results.push(...(await runGroup(chosen, { form, onOutput })));
  }
  const again = onOtherNodes.filter((name) => suites.includes(name));
  if (form !== "short" && again.length > 0) {
    for (const release of otherReleases)
      results.push(...(await runOnOtherNode(release, again, { form, onOutput })));
  }
  return { ...total(results), durationMs: Date.now() - startedAt, suites: results };
}

/** Prints what was left out and why, and the sum, which is the last line. */
export function printSummary(result) {
  console.log("\nSuites");
  for (const { name, passed, failed, skipped, durationMs } of result.suites) {
    const skips = skipped > 0 ? `, ${skipped} skipped` : "";
    console.log(`  ${name.padEnd(20)}${passed} passed, ${failed} failed${skips} (${seconds(durationMs)})`);
  }
  const notRun = result.suites.flatMap(({ notRun }) => notRun);
  if (notRun.length > 0) {
    console.log("\nNot run");
    for (const [reason, tests] of groupBy(notRun, ({ reason }) => reason)) {
      console.log(`  ${reason}: ${tests.length}`);
      for (const { name } of tests) console.log(`    ${name}`);
    }
  }
  const troubles = result.suites.flatMap(({ troubles }) => troubles);
  if (troubles.length > 0) console.log(`\nFailures\n${troubles.map((text) => `  ${text}`).join("\n")}`);
  console.log("\nNo server is needed: memory and SQLite are the stores, and no suite uses a browser yet.");
  console.log(`${seconds(result.durationMs)} on Node ${process.version}`);
  console.log(
    `${result.passed} passed, ${result.failed} failed${result.skipped > 0 ? `, ${result.skipped} skipped` : ""}`,
  );
}

async function runOnOtherNode(release, names, options) {
  const node = fetchNode(release);
  const title = `Node ${release}`;
  if ("path" in node) {
    const results = await runGroup(names, { ...options, program: node.path, title });
    return results.map((result) => ({
      ...result,
      name: `${result.name}, ${title}`,
      notRun: result.notRun.map((test) => ({ ...test, name: `${title}: ${test.name}` })),
      troubles: result.troubles.map((trouble) => `${title}: ${trouble}`),
    }));
  }
  const trouble = process.env.CI
    ? [`${names.join(", ")}, ${title}: ${node.missing}, and CI leaves nothing out`]
    : [];
  const notRun = names.map((name) => ({ name: `${name}, ${title}`, reason: node.missing }));
  const name = `all, ${title}`;
  return [
    {
      name,
      passed: 0,
      failed: trouble.length,
      skipped: notRun.length,
      durationMs: 0,
      notRun,
      troubles: trouble,
    },
  ];
}

async function runGroup(names, { form, onOutput, program = process.execPath, title }) {
  const folder = mkdtempSync(join(tmpdir(), "perdure-test-"));
  const reportPath = join(folder, "report.json");
  const startedAt = Date.now();
  const what = title === undefined ? names.join(", ") : `${names.join(", ")} on ${title}`;
  console.log(`\n${what}`);
  try {
    const end = await runVitest(program, names, reportPath, form, onOutput);
    const report = readReport(reportPath);
    const results = names.map((name) => readSuite(name, report, form));
    // What vitest found wrong beside the tests (an error that nobody awaited) belongs to the group as a whole.
    const isSilent = end !== 0 && results.every(({ failed }) => failed === 0);
    if (isSilent || end === "too long") {
      results[0].failed++;
      results[0].troubles.push(
        end === "too long"
          ? `${what}: stopped after ${seconds(Date.now() - startedAt)}`
          : `${what}: vitest ended with ${end}, see above`,
      );
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runVitest(program, names, reportPath, form, onOutput) {
  const vitest = join(repositoryFolder, "node_modules/vitest/vitest.mjs");
  const projects = names.flatMap((name) => ["--project", name]);
  // By default vitest leaves one core of two unused.
  const workers = `--maxWorkers=${Math.max(2, availableParallelism() - 1)}`;
  const args = [vitest, "run", ...projects, workers, "--reporter=default", "--reporter=json"];
  return new Promise((resolve) => {
    const child = spawn(program, [...args, `--outputFile.json=${reportPath}`], {
      cwd: repositoryFolder,
      detached: true,
      stdio: ["ignore", onOutput ? "pipe" : "inherit", "inherit"],
      env: { ...process.env, ...(form === "short" ? {} : { PERDURE_PROOF: form }) },
    });
    child.stdout?.on("data", (chunk) => {
      process.stdout.write(chunk);
      onOutput(String(chunk));
    });
    const stop = () => process.kill(-child.pid, "SIGKILL");
    const timer = setTimeout(() => {
      stop();
      resolve("too long");
    }, limitMs[form]);
    const onSignal = () => {
      stop();
      process.exit(130);
    };
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
      resolve(code ?? signal);
    });
  });
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { testResults: [] };
  }
}

function readSuite(name, report, form) {
  const files = report.testResults
    .map((file) => ({ ...file, path: relative(repositoryFolder, file.name).replaceAll("\\", "/") }))
    .filter(({ path }) => path.startsWith(folders[name]));
  const tests = files.flatMap(({ path, assertionResults }) =>
    assertionResults.map((one) => ({ ...one, fullName: `${path}: ${one.fullName.trim()}` })),
  );
  const broken = files.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  const failures = tests.filter(({ status }) => status === "failed").map(({ fullName }) => fullName);
  const troubles = [...failures, ...broken.map(({ path, message }) => `${path}: ${firstLine(message)}`)];
  if (files.length === 0) troubles.push(`${name}: no tests were found, or their run ended without a report`);
  const notRun = tests
    .filter(({ status }) => ["pending", "skipped", "todo", "disabled"].includes(status))
    .map(({ fullName }) => ({ name: fullName, reason: reasonOf(fullName, name, form) }));
  if (process.env.CI) {
    for (const { name: test, reason } of notRun)
      if (reason === missing) troubles.push(`${test}: could not be run, and CI leaves nothing out`);
  }
  const durations = files.map(({ startTime, endTime }) => endTime - startTime);
  return {
    name,
    passed: tests.filter(({ status }) => status === "passed").length,
    failed: troubles.length,
    skipped: notRun.length,
    durationMs: Math.round(durations.reduce((sum, ms) => sum + ms, 0)),
    notRun,
    troubles,
  };
}

const missing = "something that it needs is missing here";

function reasonOf(testName, suite, form) {
  if (inapplicable.some(({ name, when }) => name.test(testName) && when())) return "does not apply";
  if (proofs.includes(suite) && form !== "long") {
    return form === "short" ? "left to PERDURE_PROOF=ci or long" : "left to PERDURE_PROOF=long";
  }
  return missing;
}

function total(results) {
  const sum = (key) => results.reduce((all, result) => all + result[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
}

function groupBy(items, keyOf) {
  const grouped = new Map();
  for (const item of items) grouped.set(keyOf(item), [...(grouped.get(keyOf(item)) ?? []), item]);
  return grouped;
}

function firstLine(text) {
  return (text ?? "").split("\n")[0];
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
