/** Bugs of a store, as wrappers around the memory store: what it is asked, or what it answers, is changed. */
import type { Store } from "../../../store.ts";
import { rewrite, wrap, type PlantedBug } from "./planting.ts";

export const storeBugs: readonly PlantedBug[] = [
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
];
