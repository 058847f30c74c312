/**
 * What is done to a run from outside: ended by force, or taken up again.
 *
 * N1. A run that nobody owns is changed in the transaction that finds it so: no worker is needed (held, parked, in a queue that
 *     nobody serves). One that is owned is asked by a message; its owner ends it.
 * N2. What has ended stays as it is, but for a retry, which appends to the history and takes nothing away.
 */
import { PerdureError } from "../errors.ts";
import { decodeEvent, type NewEvent } from "../model/event.ts";
import { encodeFailure } from "../model/failure.ts";
import { CancelledError } from "../errors.ts";
import { retryPoint } from "../model/history.ts";
import { encodePayload } from "../model/payload.ts";
import { isEnded } from "../model/run.ts";
import type { Leave, RunSnapshot, Store } from "../store.ts";

/** Each try loses to somebody else's progress, so a few are enough. */
const maxTries = 50;

/** @throws PerdureError `RUN_NOT_FOUND`. */
export async function requireRun(store: Store, runId: string): Promise<RunSnapshot> {
  const snapshot = await store.run(runId);
  if (snapshot) return snapshot;
  throw new PerdureError(
    "RUN_NOT_FOUND",
    `There is no run "${runId}" in ${store.description}. Check the id and the store.`,
  );
}

/** Answers whether the run has ended by it, was asked to end, or had ended before. */
export async function terminate(
  store: Store,
  runId: string,
  reason: string,
): Promise<"ended" | "asked" | "had-ended"> {
  for (let attempt = 0; attempt < maxTries; attempt++) {
    const snapshot = await requireRun(store, runId);
    if (isEnded(snapshot.run.status)) return "had-ended";
    if (snapshot.run.workerId === null) {
      const error = new CancelledError(reason, { code: "TERMINATED" });
      const event: NewEvent = { type: "run.cancelled", at: snapshot.now, payload: encodeFailure(error) };
      if (await writeUnowned(store, snapshot, event, { status: "cancelled", successorId: null }))
        return "ended";
      continue;
    }
    const payload = encodePayload(reason, "The reason");
    const [answer] = await store.deliver([
      { runId, id: "terminate", kind: "terminate", name: "terminate", payload },
    ]);
    if (answer === "delivered" || answer === "repeated") return "asked";
  }
  throw busy(runId);
}

/**
 * Has a failed run go on from the step that failed, with all its attempts ahead; its deadline begins anew.
 *
 * @throws PerdureError `RUN_NOT_FOUND`, `RUN_NOT_FAILED`.
 */
export async function retry(store: Store, runId: string): Promise<void> {
  for (let attempt = 0; attempt < maxTries; attempt++) {
    const snapshot = await requireRun(store, runId);
    const { run } = snapshot;
    if (run.status !== "failed" || run.successorId !== null) {
      const found = run.successorId === null ? run.status : `followed by run "${run.successorId}"`;
      throw new PerdureError(
        "RUN_NOT_FAILED",
        `Run "${runId}" cannot be retried: it is ${found}. Only a failed run without a successor can.`,
      );
    }
    const stored = await store.history({ runId, afterSeq: 0, limit: run.nextSeq });
    const event: NewEvent = {
      type: "run.rewound",
      at: snapshot.now,
      to: retryPoint(stored.map(decodeEvent)),
    };
    const deadlineAfterMs = run.deadlineAt === null ? null : run.deadlineAt - run.createdAt;
    if (await writeUnowned(store, snapshot, event, { status: "pending", deadlineAfterMs })) return;
  }
  throw busy(runId);
}

async function writeUnowned(
  store: Store,
  { run }: RunSnapshot,
  event: NewEvent,
  leave: Leave,
): Promise<boolean> {
  const { answers } = await store.commit([
    {
      runId: run.id,
      claim: null,
      nextSeq: run.nextSeq,
      commitNumber: 0,
      events: [event],
      consumed: [],
      progress: true,
      notBefore: null,
      leave,
      runs: [],
    },
  ]);
  return answers[0]?.status === "accepted";
}

function busy(runId: string): PerdureError {
  return new PerdureError(
    "STORE_UNAVAILABLE",
    `Run "${runId}" changed at each of ${maxTries} tries. Try again.`,
  );
}
