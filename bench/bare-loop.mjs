/**
 * What the same rows cost without an engine: prepared statements in the engine's own schema, in the same batches, with the same
 * durability; no claim, no fence, nobody's code.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSqliteStore } from "perdure/sqlite";

/** A folder that is gone when the process ends. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "perdure-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** `node:sqlite` where Node has it, as the store does. */
export async function loadDriver() {
  const nodes = process.getBuiltinModule?.("node:sqlite");
  return nodes ?? (await import("@photostructure/sqlite"));
}

/** A database with the engine's schema and settings, opened by the bare driver. */
export async function openBare(path) {
  const store = createSqliteStore({ path });
  await store.open();
  await store.close();
  const { DatabaseSync } = await loadDriver();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864");
  return db;
}

/** As long as the engine's: rows are the same, and so are the keys in the index of owned runs. */
const workerId = "w_wPCGb0SdsTsPGVHVvXqTDg";
const claim = "c_0Jh3mC1rLkq2uWqg5bGvxA.100";

export function createBareWriter(db) {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const insertRun = db.prepare(`
    INSERT INTO runs (id, kind, queue, workflow, version, status, priority, wake_at, next_seq, created_at, updated_at, attempt)
    VALUES (?, 'workflow', 'default', ?, '1', 'pending', 0, ?, 2, ?, ?, 1)`);
  const insertEvent = db.prepare(
    "INSERT INTO events (run, seq, type, op, name, at, body, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const own = db.prepare(
    `UPDATE runs SET status = 'running', wake_at = NULL, worker_id = '${workerId}', claim = '${claim}', commit_number = 1,
       crash_count = 1, next_seq = ?, updated_at = ? WHERE number = ?`,
  );
  const goOn = db.prepare(
    "UPDATE runs SET next_seq = ?, commit_number = ?, crash_count = 0, updated_at = ? WHERE number = ?",
  );
  const end = db.prepare(
    "UPDATE runs SET next_seq = ?, commit_number = ?, updated_at = ?, worker_id = NULL, status = 'completed' WHERE number = ?",
  );
  let ordinal = 0;
  const id = () => {
    const time = Date.now().toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${(ordinal++).toString(16).padStart(12, "0")}`;
  };
  return {
    // Held here: a database that nobody holds is closed by the garbage collector.
    db,
    transaction(work) {
      begin.run();
      const result = work();
      commit.run();
      return result;
    },
    create(workflow, payload) {
      const now = Date.now();
      const number = Number(insertRun.run(id(), workflow, now, now, now).lastInsertRowid);
      insertEvent.run(number, 1, "run.created", null, workflow, now, '{"version":"1"}', payload);
      return number;
    },
    own: (number, nextSeq) => own.run(nextSeq, Date.now(), number),
    goOn: (number, nextSeq, commitNumber) => goOn.run(nextSeq, commitNumber, Date.now(), number),
    end: (number, nextSeq, commitNumber) => end.run(nextSeq, commitNumber, Date.now(), number),
    event: (number, seq, type, op, name, payload) =>
      insertEvent.run(number, seq, type, op, name, Date.now(), null, payload),
  };
}

/** Runs of `steps` steps, `batch` at a time: create, then one transaction a step, and one for the end. */
export function bareWorkflows(writer, { count, batch, steps, name, payload }) {
  for (let done = 0; done < count; done += batch) {
    const size = Math.min(batch, count - done);
    const numbers = writer.transaction(() =>
      Array.from({ length: size }, () => writer.create(name, payload)),
    );
    const args = `[${payload}]`;
    for (let step = 1; step <= steps + 1; step++) {
      writer.transaction(() => {
        for (const number of numbers) {
          const isFirst = step === 1;
          const isLast = step === steps + 1;
          let seq = isFirst ? 2 : 2 * step - 1;
          const commitNumber = step;
          const nextSeq = isFirst ? 3 : seq + 2;
          if (isFirst) writer.own(number, nextSeq);
          else if (isLast) writer.end(number, nextSeq, commitNumber);
          else writer.goOn(number, nextSeq, commitNumber);
          if (!isFirst) writer.event(number, seq++, "step.completed", step - 1, null, payload);
          if (isLast) writer.event(number, seq, "run.completed", null, null, payload);
          else writer.event(number, seq, "step.started", step, "add", args);
        }
      });
    }
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/** One line a figure, machine-readable for `run.mjs` when asked. */
export function report(figures) {
  for (const figure of figures) {
    if (process.env.PERDURE_BENCH_JSON) process.stdout.write(`${JSON.stringify(figure)}\n`);
    else {
      const verdict =
        figure.goal === undefined ? "" : `  goal ${figure.goal}  ${figure.met ? "met" : "NOT MET"}`;
      process.stdout.write(`${figure.name.padEnd(58)} ${figure.value}${verdict}\n`);
    }
  }
}
