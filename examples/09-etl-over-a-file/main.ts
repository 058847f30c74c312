/**
 * Loads a file of 50,000 measurements, kills the worker half-way, starts another one, and compares the result
 * with what was to be expected. The job is in etl.ts.
 *
 *   npx tsx examples/09-etl-over-a-file/main.ts
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const folder = mkdtempSync(join(tmpdir(), "perdure-example-"));
process.env["ETL_FOLDER"] = folder;
const { engine, etl } = await import("./etl.ts");

const input = join(folder, "measurements.csv");
const stations = ["Abha", "Bergen", "Cairo", "Dodoma", "Erzurum"];
const rows = Array.from({ length: 50_000 }, (_, row) => `${stations[row % 5]};${(row * 7919) % 400}`);
writeFileSync(input, rows.map((row) => `${row}\n`).join(""));

let worker = startWorker();
const run = await engine.start(etl, input, { idempotencyKey: input });
while (chunksLoaded() < 15) await delay(5);

worker.kill("SIGKILL");
await once(worker, "exit");
console.log(`killed the worker after ${chunksLoaded()} chunks; the run is ${await run.status()}`);

worker = startWorker();
const { rows: rowCount, chunks } = await run.result();
const calls = readFileSync(join(folder, "loaded.log"), "utf8").trim().split("\n").length;
console.log(`a second worker finished: ${rowCount} rows in ${chunks} chunks`);
console.log(`chunks that were loaded twice: ${calls - chunks}`);

const result = JSON.parse(readFileSync(join(folder, "result.json"), "utf8")) as Record<
  string,
  { count: number; total: number }
>;
for (const station of stations) {
  const expected = rows.filter((row) => row.startsWith(station)).map((row) => Number(row.split(";")[1]));
  const { count, total } = result[station]!;
  const isRight = count === expected.length && total === expected.reduce((sum, degrees) => sum + degrees, 0);
  console.log(
    `  ${station.padEnd(8)} ${count} rows, ${(total / count).toFixed(1)} on average, ${isRight ? "right" : "WRONG"}`,
  );
}

worker.stdin!.end();
await once(worker, "exit");
await engine.close();
rmSync(folder, { recursive: true });

function startWorker(): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, "etl.ts")], {
    stdio: ["pipe", "inherit", "ignore"],
  });
}

function chunksLoaded(): number {
  const parts = join(folder, "parts");
  return existsSync(parts) ? readdirSync(parts).length : 0;
}
