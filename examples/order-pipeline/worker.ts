/**
 * A worker process: serves the workflows that it imports. Start as many as you like, on one database.
 *
 *   npx tsx examples/order-pipeline/worker.ts
 */
import { engine } from "./engine.ts";
import "./fulfil-order.ts";
import "./ingest.ts";

await engine.work();
console.log("working");

// It lives as long as whoever started it, or until Ctrl-D.
process.stdin.on("end", () => process.exit()).resume();
