/**
 * Runs the order pipeline, kills its worker with SIGKILL in the middle of the work, three times, and then asks
 * the payment service's own ledger what became of the money. Ends with exit code 1 if anything is not as it
 * should be.
 *
 *   npm run demo
 *   npm run demo -- --forget-keys    the payment service forgets its keys and charges twice: the demo has to notice
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { engine } from "./engine.ts";
import { checkEvidence, type Check } from "./evidence.ts";
import { fulfilOrder } from "./fulfil-order.ts";
import { ingest } from "./ingest.ts";
import { readOrders } from "./order.ts";
import { Program } from "./program.ts";
import { printReport, type Kill } from "./report.ts";
import { bold, drawProgress, endProgress, green, print, red } from "./screen.ts";
import { ordersFile, stateFolder } from "./settings.ts";
import { emptyStateFolder, leaveStateFolder } from "./state-folder.ts";

const killsWanted = 3;
const limitMs = 60_000;

const startedAt = performance.now();
const { orders, rejected } = readOrders(readFileSync(ordersFile));
const kills: Kill[] = [];

try {
  emptyStateFolder();
  print(
    bold(
      `\nAn order pipeline: ${orders.length + rejected.length} rows, and a worker that dies three times\n`,
    ),
  );
  const tooLong = delay(limitMs, null, { ref: false }).then(() => {
    throw new Error(`The pipeline was not done after ${limitMs / 1000} s.`);
  });
  await Promise.race([runPipeline(), tooLong]);
  const checks = [...checkEvidence(), await checkRuns(), checkKills()];
  const isGood = checks.every(({ holds }) => holds);
  printReport({ orders: orders.length, rejected, checks, kills });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  print(
    `${isGood ? green("All is well") : red("Something is wrong")} after ${seconds} s. The evidence is in ${relative("", stateFolder)}.`,
  );
  leaveStateFolder();
  process.exit(isGood ? 0 : 1);
} catch (error) {
  endProgress();
  print(red(`The demo failed: ${(error as Error).message}`));
  process.exit(1);
}

async function runPipeline(): Promise<void> {
  const service = new Program("payment-service.ts", {
    args: process.argv.slice(2),
    env: { PAYMENT_URL: "http://127.0.0.1:0" },
  });
  const url = await service.ready;
  if (url === null) throw new Error(`The payment service did not start. Its log is in ${stateFolder}.`);
  print(`  payment service  pid ${service.pid}, on ${url}`);

  const startWorker = (): Promise<Program> => startWorkerOn(url);
  let worker = await startWorker();
  await engine.start(ingest, ordersFile, { idempotencyKey: ordersFile });

  const progress = showProgress();
  while (kills.length < killsWanted && !(await isDone())) {
    await delay(200 + Math.random() * 700);
    const killedAt = performance.now();
    await worker.kill();
    const interrupted = await runsInFlight();
    print(`  ${red("kill -9")}          pid ${worker.pid}, with ${interrupted.length} runs in flight`);
    worker = await startWorker();
    // Between two batches of work a kill hits nobody. It does not count.
    if (interrupted.length > 0) kills.push(await watchRecovery(interrupted, killedAt));
  }
  while (!(await isDone())) {
    if (!worker.isAlive) throw new Error(`The worker ended by itself. Its log is in ${stateFolder}.`);
    await delay(50);
  }
  progress.stop();
  await Promise.all([worker.stop(), service.stop()]);
}

async function startWorkerOn(paymentUrl: string): Promise<Program> {
  const worker = new Program("worker.ts", { env: { PAYMENT_URL: paymentUrl } });
  if ((await worker.ready) === null) throw new Error(`A worker did not start. Its log is in ${stateFolder}.`);
  print(`  worker           pid ${worker.pid}`);
  return worker;
}

interface InterruptedRun {
  id: string;
  eventCount: number;
}

/** The runs that the store says somebody owns: right after a kill, those that it interrupted. */
async function runsInFlight(): Promise<InterruptedRun[]> {
  return (await engine.runs({ status: "running" }, null, { limit: 1_000 })).items;
}

/** A run is back once its history goes on. */
async function watchRecovery(interrupted: InterruptedRun[], killedAt: number): Promise<Kill> {
  const left = new Map(interrupted.map((run) => [run.id, run.eventCount]));
  let firstBackMs: number | null = null;
  while (left.size > 0) {
    await delay(10);
    for (const [id, eventCount] of left) {
      if ((await engine.run(id).info()).eventCount > eventCount) left.delete(id);
    }
    if (left.size < interrupted.length) firstBackMs ??= performance.now() - killedAt;
  }
  const allBackMs = performance.now() - killedAt;
  print(
    `  ${green("recovered")}        all ${interrupted.length} go on, ${(allBackMs / 1000).toFixed(2)} s after the kill`,
  );
  return { inFlight: interrupted.length, firstBackMs: firstBackMs!, allBackMs };
}

async function isDone(): Promise<boolean> {
  const { completed = 0, failed = 0 } = await engine.count();
  return completed + failed === orders.length + 1; // the ingest is one
}

function showProgress(): { stop: () => void } {
  const timer = setInterval(() => {
    void engine.count({ workflow: fulfilOrder.workflowName }).then(({ completed = 0, running = 0 }) => {
      const inFlight = `${running} in flight`.padEnd(12);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
      drawProgress(
        completed,
        orders.length,
        `${completed} of ${orders.length} orders  ${inFlight} ${seconds} s`,
      );
    });
  }, 100);
  return {
    stop: () => {
      clearInterval(timer);
      endProgress();
    },
  };
}

async function checkRuns(): Promise<Check> {
  const counts = await engine.count({ workflow: fulfilOrder.workflowName });
  const others = Object.entries(counts).filter(([status]) => status !== "completed");
  return {
    claim: "nothing lost: one completed run an order",
    holds: counts.completed === orders.length && others.length === 0,
    found: [
      `${counts.completed ?? 0} of ${orders.length}`,
      ...others.map(([status, count]) => `${count} ${status}`),
    ].join(", "),
  };
}

function checkKills(): Check {
  return {
    claim: "the worker was killed while it worked",
    holds: kills.length === killsWanted,
    found: `${kills.length} times, with ${kills.map(({ inFlight }) => inFlight).join(", ")} runs in flight`,
  };
}
