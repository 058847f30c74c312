/**
 * The simulator as a program: plays seeds on two threads, prints what it found as JSON, and fails when something was wrong.
 *
 * `--seeds n` how many, `--from n` the first; `--bugs n` plays each planted bug for at most so many seeds instead; `--threads n`;
 * `--require-situations` also fails when an expected situation did not occur.
 */
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Campaign, findPlantedBug, type BugReport } from "./campaign.ts";
import { plantedBugs } from "./planted-bugs.ts";
import { runSeed, type SeedResult } from "./run-seed.ts";

interface Share {
  seeds: number[];
  bugs: string[];
  maxSeeds: number;
}

type Message = { seed: SeedResult } | { bug: BugReport };

if (isMainThread) await lead();
else await work(workerData as Share);

async function work({ seeds, bugs, maxSeeds }: Share): Promise<void> {
  for (const seed of seeds) parentPort!.postMessage({ seed: await runSeed(seed) } satisfies Message);
  for (const name of bugs)
    parentPort!.postMessage({ bug: await findPlantedBug(name, maxSeeds) } satisfies Message);
}

async function lead(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "300" },
      from: { type: "string", default: "1" },
      threads: { type: "string", default: "2" },
      bugs: { type: "string" },
      "require-situations": { type: "boolean", default: false },
    },
  });
  const threads = Number(values.threads);
  const from = Number(values.from);
  const seeds =
    values.bugs === undefined ? Array.from({ length: Number(values.seeds) }, (_, index) => from + index) : [];
  const bugs = values.bugs === undefined ? [] : plantedBugs.map(({ name }) => name);
  const campaign = new Campaign();
  const found: BugReport[] = [];
  const onMessage = (message: Message): void => {
    if ("bug" in message) {
      found.push(message.bug);
      tell(`${message.bug.seeds ?? "not noticed"}\t${message.bug.name}\t${message.bug.noticedBy.join(" ")}`);
      return;
    }
    campaign.add(message.seed);
    for (const { invariant, message: text } of message.seed.violations.slice(0, 3)) {
      tell(`seed ${message.seed.seed}: ${invariant} ${text.slice(0, 300)}`);
    }
    const { seeds: done, seedsPerMinute, failures } = campaign.report;
    if (done % 250 === 0)
      tell(`${done} of ${seeds.length} seeds, ${failures.length} failed, ${seedsPerMinute} a minute`);
  };
  const shares = Array.from({ length: threads }, (_, thread): Share => ({
    seeds: seeds.filter((_, index) => index % threads === thread),
    bugs: bugs.filter((_, index) => index % threads === thread),
    maxSeeds: Number(values.bugs ?? 0),
  }));
  await Promise.all(shares.map((share) => runThread(share, onMessage)));
  const report = campaign.report;
  process.stdout.write(`${JSON.stringify(bugs.length > 0 ? { plantedBugs: found } : report, null, 2)}\n`);
  const isBad =
    report.failures.length > 0 ||
    found.some((bug) => bug.seeds === null) ||
    (values["require-situations"] && report.missing.length > 0);
  process.exitCode = isBad ? 1 : 0;
}

function runThread(share: Share, onMessage: (message: Message) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: share });
    thread.on("message", onMessage);
    thread.on("error", reject);
    thread.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`A thread ended with ${code}.`))));
  });
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
