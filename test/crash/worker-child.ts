/** One worker, or the one client, of the proof with several processes on one file. It ends when it is told to, or is killed. */
import { createEngine } from "../../packages/perdure/src/index.ts";
import { createSqliteStore } from "../../packages/perdure/src/stores/sqlite/sqlite-store.ts";
import { EffectJournal, readJournal } from "./effect-journal.ts";
import { Seam, seamStore } from "./seam-store.ts";
import { noteStarted, outcomeOf, setWorld, shapes } from "./shapes.ts";

export interface WorkerOrder {
  folder: string;
  leaseMs: number;
  /** For a client: how many runs it starts, and how long it pauses after each. */
  starts?: { count: number; everyMs: number };
}

const { folder, leaseMs, starts } = JSON.parse(process.argv[2]!) as WorkerOrder;
const journalPath = `${folder}/effects.jsonl`;
const journal = new EffectJournal(journalPath);
const seam = new Seam(null);
const store = seamStore(createSqliteStore({ path: `${folder}/store.db` }), seam, journal);
const engine = createEngine({ store, lease: leaseMs });
setWorld({
  engine,
  journal,
  seam,
  readLines: () => readJournal(journalPath),
  markerPath: `${folder}/marker`,
  restartWorker: () => Promise.reject(new Error("This world has several workers.")),
});

if (starts) {
  const single = shapes.filter(({ isAlone, workflow }) => workflow !== undefined && isAlone !== true);
  const ends: Promise<boolean>[] = [];
  for (let number = 0; number < starts.count; number++) {
    const shape = single[number % single.length]!;
    const handle = noteStarted(
      await engine.start(shape.workflow!, shape.input, { id: `${shape.workflow}/${number}` }),
    );
    ends.push(
      outcomeOf(handle, "120s").then((outcome) => {
        const isFine = shape.expected([outcome]) || shape.expectedAfterCrash?.([outcome]) === true;
        if (!isFine) process.stdout.write(`run ${handle.id} came out as ${JSON.stringify(outcome)}\n`);
        return isFine;
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, starts.everyMs));
  }
  const fine = await Promise.all(ends);
  await engine.close();
  process.exitCode = fine.every(Boolean) ? 0 : 1;
} else {
  const worker = await engine.work({ concurrency: 20 });
  // Ends with its parent, too.
  await new Promise((resolve) => process.stdin.on("end", resolve).resume());
  await worker.stop();
  await engine.close();
}
