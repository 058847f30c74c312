/**
 * Bugs that are put in on purpose, to see whether anybody notices. Each takes one line of the protocol away, by a wrapper around a
 * port or a patch of a class: production code has no switch for it.
 */
import { RunTable } from "../../stores/memory/run-table.ts";
import { WorkerTable } from "../../stores/memory/worker-table.ts";
import { Journal } from "../../runtime/journal.ts";
import { Lease } from "../../runtime/lease.ts";
import { HotCache } from "../../runtime/hot-cache.ts";
import { Execution } from "../../replay/execution.ts";
import type { RunWrite, Store } from "../../store.ts";
import type { Random } from "./random.ts";

export interface BugSwitches {
  restIsSkipped: boolean;
}

export interface PlantedBug {
  name: string;
  /** What was taken away. */
  line: string;
  restIsSkipped?: boolean;
  wrapStore?: (store: Store, random: Random) => Store;
  /** Returns what takes it back. */
  patch?: () => () => void;
}

/** The store with some methods replaced. */
function wrap(store: Store, changes: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const changed = (changes as Record<string | symbol, unknown>)[name];
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** Changes what is written, with a look at the run as it is. */
function rewrite(
  store: Store,
  change: (write: RunWrite, run: NonNullable<Awaited<ReturnType<Store["run"]>>>["run"]) => RunWrite,
): Store {
  return wrap(store, {
    commit: async (writes) => {
      const changed: RunWrite[] = [];
      for (const write of writes) {
        const found = write.claim === null ? undefined : await store.run(write.runId);
        changed.push(found ? change(write, found.run) : write);
      }
      return store.commit(changed);
    },
  });
}

function patchMethod<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  replace: (original: T[K]) => T[K],
): () => void {
  const original = prototype[name];
  prototype[name] = replace(original);
  return () => void (prototype[name] = original);
}

function patchGetter<T extends object>(prototype: T, name: keyof T, get: (this: T) => unknown): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name)!;
  Object.defineProperty(prototype, name, { ...original, get });
  return () => void Object.defineProperty(prototype, name, original);
}

const ignore = (): void => undefined;

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "the fence ignores the claim",
    line: "rule 3",
    wrapStore: (store) =>
      rewrite(store, (write, run) =>
        run.workerId !== null && run.claim !== write.claim
          ? { ...write, claim: run.claim, nextSeq: run.nextSeq, commitNumber: run.commitNumber + 1 }
          : write,
      ),
  },
  {
    name: "the fence ignores the sequence",
    line: "rule 3",
    wrapStore: (store) =>
      rewrite(store, (write, run) => (run.workerId === null ? write : { ...write, nextSeq: run.nextSeq })),
  },
  {
    name: "a repeated write is written again",
    line: "7: a repeat gets its first answer",
    wrapStore: (store) =>
      rewrite(store, (write, run) =>
        run.workerId !== null && run.claim === write.claim
          ? { ...write, nextSeq: run.nextSeq, commitNumber: run.commitNumber + 1 }
          : write,
      ),
  },
  {
    name: "a repeated write is refused",
    line: "7: a repeat gets its first answer",
    wrapStore: (store) =>
      wrap(store, {
        commit: async (writes) => {
          const known = await Promise.all(writes.map((write) => store.run(write.runId)));
          const { now, answers } = await store.commit(writes);
          return {
            now,
            answers: answers.map((answer, index) => {
              const { commitNumber, claim } = writes[index]!;
              const run = known[index]?.run;
              const isRepeat = claim !== null && run?.claim === claim && run.commitNumber === commitNumber;
              return isRepeat && answer.status === "accepted"
                ? { status: "stale" as const, mine: false }
                : answer;
            }),
          };
        },
      }),
  },
  {
    name: "parking does not look at the inbox",
    line: "8, rule 4",
    wrapStore: (store) =>
      rewrite(store, (write) =>
        write.leave?.status === "suspended"
          ? { ...write, leave: { ...write.leave, readInboxSeq: Number.MAX_SAFE_INTEGER } }
          : write,
      ),
  },
  {
    name: "a kept park is answered as accepted",
    line: "7: kept is told apart",
    wrapStore: (store) =>
      wrap(store, {
        commit: async (writes) => {
          const { now, answers } = await store.commit(writes);
          return {
            now,
            answers: answers.map((answer) => (answer.status === "kept" ? { status: "accepted" } : answer)),
          };
        },
      }),
  },
  {
    name: "stale, though mine, is answered as lost",
    line: "7: stale while the claim is one's own means reload",
    wrapStore: (store) =>
      wrap(store, {
        commit: async (writes) => {
          const { now, answers } = await store.commit(writes);
          return {
            now,
            answers: answers.map((answer) =>
              answer.status === "stale" ? { status: "stale", mine: false } : answer,
            ),
          };
        },
      }),
  },
  {
    name: "one refused write refuses its whole batch",
    line: "rule 6",
    wrapStore: (store) =>
      wrap(store, {
        commit: async (writes) => {
          const { now, answers } = await store.commit(writes);
          const isPoisoned = answers.some(({ status }) => status === "stale");
          return {
            now,
            answers: isPoisoned ? answers.map(() => ({ status: "stale", mine: false })) : answers,
          };
        },
      }),
  },
  {
    name: "messages are not recognized by their id",
    line: "16",
    wrapStore: (store) => {
      let count = 0;
      return wrap(store, {
        deliver: (messages) =>
          store.deliver(messages.map((message) => ({ ...message, id: `${message.id}-${++count}` }))),
      });
    },
  },
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
    name: "renewing brings a forgotten worker back",
    line: "1: renew only updates",
    wrapStore: (store) => {
      const known = new Map<string, Parameters<Store["register"]>[0]>();
      return wrap(store, {
        register: (worker) => {
          known.set(worker.id, worker);
          return store.register(worker);
        },
        renew: async (request) => {
          const answer = await store.renew(request);
          const worker = known.get(request.workerId);
          if (answer.live || !worker) return answer;
          await store.register(worker);
          return store.renew(request);
        },
      });
    },
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
    name: "timers are not checked",
    line: "24",
    wrapStore: (store) => rewrite(store, (write) => ({ ...write, notBefore: null })),
  },
  {
    name: "workers go by their own clock",
    line: "rule 8",
    wrapStore: (store) =>
      wrap(
        rewrite(store, (write) => ({ ...write, notBefore: null })),
        {
          claim: async (request) => {
            const answer = await store.claim(request);
            const ahead = (now: number): number => now + 3_000;
            return {
              ...answer,
              now: ahead(answer.now),
              runs: answer.runs.map((run) => ({ ...run, now: ahead(run.now) })),
            };
          },
        },
      ),
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
    name: "keys are not unique",
    line: "12",
    wrapStore: (store) => {
      let count = 0;
      return wrap(store, {
        create: (runs, adoption) =>
          store.create(
            runs.map((run) => ({
              ...run,
              idempotencyKey: run.idempotencyKey === null ? null : `${run.idempotencyKey}-${++count}`,
            })),
            adoption,
          ),
      });
    },
  },
  {
    name: "a start that met another is not looked up again",
    line: "12",
    wrapStore: (store) =>
      wrap(store, {
        create: async (runs, adoption) => {
          const answers = await store.create(runs, adoption);
          return answers.map((answer, index) =>
            answer.status === "exists" ? { status: "created", id: runs[index]!.id, now: answer.now } : answer,
          );
        },
      }),
  },
  {
    name: "strange claims are not told",
    line: "2",
    wrapStore: (store) =>
      wrap(store, {
        renew: async (request) => {
          const answer = await store.renew(request);
          return answer.live ? { ...answer, strange: [] } : answer;
        },
      }),
  },
  {
    name: "unread messages are not told",
    line: "2",
    wrapStore: (store) =>
      wrap(store, {
        renew: async (request) => {
          const answer = await store.renew(request);
          return answer.live ? { ...answer, unread: [] } : answer;
        },
      }),
  },
  {
    name: "a release frees whoever has the run",
    line: "3: claims fence",
    wrapStore: (store) =>
      wrap(store, {
        release: async (claims) => {
          const current = await Promise.all(claims.map(({ runId }) => store.run(runId)));
          await store.release(
            claims.map((owned, index) => ({ ...owned, claim: current[index]?.run.claim ?? "" })),
          );
        },
      }),
  },
  {
    name: "a worker's id is used again",
    line: "1",
    wrapStore: (store) =>
      wrap(store, {
        register: (worker) => store.register({ ...worker, id: `w_${worker.id.charCodeAt(2) % 3}` }),
      }),
  },
  {
    name: "a claim is no new identity",
    line: "rule 3",
    wrapStore: (store) =>
      wrap(store, { claim: (request) => store.claim({ ...request, claim: `c_${request.workerId}` }) }),
  },
  {
    name: "a claim reads an older snapshot",
    line: "11",
    wrapStore: (store, random) =>
      wrap(store, {
        claim: async (request) => {
          const answer = await store.claim(request);
          const runs = answer.runs.map((run) =>
            run.events.length > 2 && random.chance(0.2) ? { ...run, events: run.events.slice(0, -1) } : run,
          );
          return { ...answer, runs };
        },
      }),
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
    name: "a parked run has no due time",
    line: "rule 2",
    wrapStore: (store) =>
      rewrite(store, (write) =>
        write.leave?.status === "suspended" ? { ...write, leave: { ...write.leave, wakeAt: null } } : write,
      ),
  },
  {
    name: "successors are not written",
    line: "9: in the same commit",
    wrapStore: (store) => rewrite(store, (write) => ({ ...write, runs: [] })),
  },
  {
    name: "events change places",
    line: "rule 1",
    wrapStore: (store) =>
      rewrite(store, (write) =>
        write.events.length > 1 ? { ...write, events: [...write.events].reverse() } : write,
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
