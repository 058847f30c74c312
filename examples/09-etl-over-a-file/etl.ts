/**
 * The job: read a large file in chunks, sum up each, and merge the sums. The position in the file is a step's
 * result, so the run itself is the checkpoint. Each chunk has an output file of its own: written twice it is the
 * same.
 *
 * Run as a program this is the worker.
 */
import { appendFile, mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createEngine, step, workflow } from "perdure";

const folder = process.env["ETL_FOLDER"] ?? ".";
export const engine = createEngine({ store: `sqlite:${join(folder, "perdure.db")}`, lease: "500ms" });

/** By station. */
type Sums = Record<string, { count: number; total: number }>;

const chunkBytes = 16_384;

const loadChunk = step("load-chunk", async (input: string, from: number) => {
  const lines = await readLines(input, from);
  if (lines.length === 0) return { next: from, rows: 0 };
  const sums: Sums = {};
  for (const line of lines) {
    const [station, degrees] = line.split(";") as [string, string];
    const sum = (sums[station] ??= { count: 0, total: 0 });
    sum.count++;
    sum.total += Number(degrees);
  }
  await delay(20); // a database that takes its time
  await writeWhole(join(folder, "parts", `${from}.json`), sums);
  await appendFile(join(folder, "loaded.log"), `${from}\n`);
  return { next: from + Buffer.byteLength(lines.map((line) => `${line}\n`).join("")), rows: lines.length };
});

const mergeParts = step("merge-parts", async (offsets: number[]) => {
  const merged: Sums = {};
  for (const offset of offsets) {
    const part = JSON.parse(await readFile(join(folder, "parts", `${offset}.json`), "utf8")) as Sums;
    for (const [station, { count, total }] of Object.entries(part)) {
      const sum = (merged[station] ??= { count: 0, total: 0 });
      sum.count += count;
      sum.total += total;
    }
  }
  await writeWhole(join(folder, "result.json"), merged);
});

export const etl = workflow("etl", async (input: string) => {
  const offsets: number[] = [];
  let rows = 0;
  for (let from = 0; ;) {
    const chunk = await loadChunk(input, from);
    if (chunk.rows === 0) break;
    offsets.push(from);
    rows += chunk.rows;
    from = chunk.next;
  }
  await mergeParts(offsets);
  return { rows, chunks: offsets.length };
});

/** The whole lines that begin at this position and fit into a chunk. */
async function readLines(path: string, from: number): Promise<string[]> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, from);
  const text = buffer.subarray(0, bytesRead);
  return text
    .subarray(0, text.lastIndexOf("\n") + 1)
    .toString()
    .split("\n")
    .slice(0, -1);
}

async function writeWhole(path: string, value: unknown): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(`${path}.tmp`, JSON.stringify(value));
  await rename(`${path}.tmp`, path);
}

if (import.meta.filename === process.argv[1]) {
  await engine.work();
  process.stdin.on("end", () => process.exit()).resume(); // it lives as long as whoever started it
}
