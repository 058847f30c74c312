/** Runs that wait for other code, and what sets them going again. */
import type { Lane } from "../../model/run.ts";
import type { Connection } from "./connection.ts";
import type { Transactions } from "./transaction.ts";

const inLane = "INDEXED BY runs_held WHERE held = 1 AND queue = ? AND workflow = ? AND version = ?";

/** Called whenever a worker starts, and almost always nothing is held: it takes no lock for that. */
export async function unholdRuns(transactions: Transactions, lanes: readonly Lane[]): Promise<number> {
  const isNeeded = await transactions.glance((db) => lanes.some((lane) => hasHeld(db, lane)));
  if (!isNeeded) return 0;
  return transactions.write((db, now) => {
    let count = 0;
    for (const { queue, workflow, version } of lanes)
      count += db.run(
        `UPDATE runs SET held = 0, wake_at = min(coalesce(wake_at, ?), ?), updated_at = ? WHERE number IN
         (SELECT number FROM runs ${inLane})`,
        now,
        now,
        now,
        queue,
        workflow,
        version,
      ).changes;
    return count;
  });
}

function hasHeld(db: Connection, { queue, workflow, version }: Lane): boolean {
  return db.row(`SELECT 1 FROM runs ${inLane} LIMIT 1`, queue, workflow, version) !== undefined;
}
