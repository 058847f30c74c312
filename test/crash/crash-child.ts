/** One process of the crash-point proof: starts a shape, works on it, tells what came out, and may end itself on the way. */
import { createEngine, type WorkerHandle } from "../../packages/perdure/src/index.ts";
import { createSqliteStore } from "../../packages/perdure/src/stores/sqlite/sqlite-store.ts";
import { EffectJournal, readJournal } from "./effect-journal.ts";
import { Seam, seamStore, type CrashPoint } from "./seam-store.ts";
import { setWorld, shapes, type Outcome } from "./shapes.ts";

export interface ChildOrder {
  shape: string;
  folder: string;
  leaseMs: number;
  crash: CrashPoint | null;
}

export interface ChildReport {
  outcomes: Outcome[];
  counts: Record<string, number>;
}

const order = JSON.parse(process.argv[2]!) as ChildOrder;
const shape = shapes.find(({ name }) => name === order.shape)!;
const journalPath = `${order.folder}/effects.jsonl`;
const journal = new EffectJournal(journalPath);
const seam = new Seam(order.crash);
const store = seamStore(createSqliteStore({ path: `${order.folder}/store.db` }), seam, journal);
const engine = createEngine({ store, lease: order.leaseMs });

let worker: WorkerHandle = await engine.work();
// While a worker looks for work it keeps its places; the start is to find one, and so to be claimed as it is created.
do await new Promise(setImmediate);
while (seam.answeredClaims === 0);
await new Promise(setImmediate);
const world = {
  engine,
  journal,
  seam,
  readLines: () => readJournal(journalPath),
  markerPath: `${order.folder}/marker`,
  async restartWorker(drain: false | "5s") {
    await worker.stop({ drain });
    worker = await engine.work();
  },
};
setWorld(world);

const outcomes = await shape.drive(world);
await engine.close({ drain: "5s" });
const report: ChildReport = { outcomes, counts: seam.counts };
process.stdout.write(JSON.stringify(report));
