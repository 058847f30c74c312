/** Bugs of the engine, and those of the memory store that are inside it, as patches of classes. */
import { Execution } from "../../../replay/execution.ts";
import { HotCache } from "../../../runtime/hot-cache.ts";
import { Journal } from "../../../runtime/journal.ts";
import { Lease } from "../../../runtime/lease.ts";
import { RunTable } from "../../../stores/memory/run-table.ts";
import { WorkerTable } from "../../../stores/memory/worker-table.ts";
import { patchGetter, patchMethod, wrap, type PlantedBug } from "./planting.ts";

const ignore = (): void => undefined;

export const engineBugs: readonly PlantedBug[] = [
  {
    name: "a message makes nobody due",
    line: "rule 4",
    patch: () =>
      patchMethod(
        RunTable.prototype,
        "change",
        (original) =>
          function (this: RunTable, row, now, apply) {
            original.call(this, row, now, (record) => {
              const { inboxSeq, wakeAt } = record;
              apply(record);
              if (record.inboxSeq !== inboxSeq) record.wakeAt = wakeAt;
            });
          },
      ),
  },
  {
    name: "a worker that has expired may claim",
    line: "1",
    patch: () =>
      patchMethod(
        WorkerTable.prototype,
        "isLive",
        (original) =>
          function (this: WorkerTable, id) {
            return original.call(this, id, -Infinity);
          },
      ),
  },
  {
    name: "the sweep takes the late for dead",
    line: "4",
    patch: () =>
      patchMethod(
        WorkerTable.prototype,
        "markDead",
        (original) =>
          function (this: WorkerTable, now) {
            return original.call(this, now + 1_000);
          },
      ),
  },
  {
    name: "the sweep forgets the worker first",
    line: "4: deletes the row last",
    wrapStore: (store) => wrap(store, { expire: () => store.expire(1) }),
    patch: () => patchMethod(RunTable.prototype, "ownedCount", () => () => 0),
  },
  {
    name: "a sweeper begins at once",
    line: "4: after a whole lease",
    patch: () =>
      patchGetter(Lease.prototype, "isSettled", function (this: Lease) {
        return this.isLive;
      }),
  },
  {
    name: "crashes are not counted",
    line: "6: counted at the claim",
    patch: () =>
      patchMethod(
        RunTable.prototype,
        "change",
        (original) =>
          function (this: RunTable, row, now, apply) {
            original.call(this, row, now, (record) => {
              const { crashCount } = record;
              apply(record);
              if (record.crashCount > crashCount) record.crashCount = crashCount;
            });
          },
      ),
  },
  {
    name: "a graceful release counts as a crash",
    line: "6",
    patch: () =>
      patchMethod(
        RunTable.prototype,
        "free",
        (original) =>
          function (this: RunTable, row, now) {
            original.call(this, row, now, { countsCrash: true });
          },
      ),
  },
  {
    name: "whatever is in memory goes on",
    line: "21: a hot execution goes on only if the last claim and seq are its own",
    wrapStore: (store) =>
      wrap(store, {
        claim: async (request) => {
          const answer = await store.claim(request);
          const runs = answer.runs.map((run) =>
            request.hot.has(run.run.id) ? { ...run, hot: true, events: [] } : run,
          );
          return { ...answer, runs };
        },
      }),
    patch: () =>
      patchMethod(
        HotCache.prototype,
        "takeMatching",
        () =>
          function (this: HotCache, claimed) {
            return this.take(claimed.run.id);
          },
      ),
  },
  {
    name: "nothing waits for the commit",
    line: "31, rule 5",
    patch: () =>
      patchMethod(
        Journal.prototype,
        "submit",
        (original) =>
          function (this: Journal, write, settle) {
            original.call(this, write, ignore, ignore);
            queueMicrotask(() => settle({ status: "accepted" }));
          },
      ),
  },
  {
    name: "ends are told before they are written",
    line: "31",
    patch: () =>
      patchMethod(
        Journal.prototype,
        "submit",
        (original) =>
          function (this: Journal, write, settle, fail) {
            const status = write.leave?.status;
            if (status !== "completed" && status !== "failed") {
              original.call(this, write, settle, fail);
              return;
            }
            original.call(this, write, ignore, ignore);
            queueMicrotask(() => settle({ status: "accepted" }));
          },
      ),
  },
  {
    name: "a lost lease is not noticed",
    line: "1: drops everything",
    patch: () => patchGetter(Lease.prototype, "isLive", () => true),
  },
  {
    name: "code does not come to rest between deliveries",
    line: "rule 1",
    restIsSkipped: true,
  },
  {
    name: "two outcomes are delivered at once",
    line: "rule 1",
    patch: () => {
      const held = new WeakMap<Execution, Parameters<Execution["deliver"]>[0]>();
      const replaying = new WeakSet<Execution>();
      const undo = [
        patchMethod(
          Execution.prototype,
          "beginReplay",
          (original) =>
            function (this: Execution, recorded) {
              replaying.add(this);
              original.call(this, recorded);
            },
        ),
        patchMethod(
          Execution.prototype,
          "endReplay",
          (original) =>
            function (this: Execution) {
              replaying.delete(this);
              original.call(this);
            },
        ),
        patchMethod(
          Execution.prototype,
          "deliver",
          (original) =>
            function (this: Execution, event) {
              const before = held.get(this);
              held.delete(this);
              const mayWait = !replaying.has(this) && before === undefined && this.operations.size > 1;
              if (mayWait && event.type === "step.completed") {
                held.set(this, event);
                return;
              }
              original.call(this, event);
              if (before) original.call(this, before);
            },
        ),
      ];
      return () => undo.forEach((takeBack) => takeBack());
    },
  },
];
