/**
 * The store as one process sees it: behind a network that loses, delays and repeats nothing but what the port allows.
 *
 * F1. A request is copied when it is sent; the store carries it out later, whole, in a task of its own, also when the sender has died.
 * F2. A call that fails rejects with `STORE_UNAVAILABLE`. It was carried out before that, or never, or will be after it.
 * F3. Every call that is carried out is recorded with its answer, as the store gave it.
 */
import { PerdureError } from "../../errors.ts";
import type { Store } from "../../store.ts";
import type { StoreMethod } from "./recording.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

const methods: readonly StoreMethod[] = [
  "create",
  "deliver",
  "register",
  "renew",
  "unregister",
  "claim",
  "load",
  "release",
  "commit",
  "expire",
  "unhold",
  "run",
  "snapshots",
  "runs",
  "count",
  "history",
  "workers",
  "health",
];

type Fate = "fine" | "fails-before" | "fails-after" | "reply-lost" | "late";

export function createFaultyStore(world: World, process: SimulatedProcess): Store {
  const store: Record<string, unknown> = {
    description: "simulated:",
    open: () => carry(world, process, "health", []).then(() => undefined),
    close: () => Promise.resolve(),
  };
  for (const method of methods) {
    store[method] = (...args: unknown[]) => carry(world, process, method, args);
  }
  return store as unknown as Store;
}

function carry(
  world: World,
  process: SimulatedProcess,
  method: StoreMethod,
  args: unknown[],
): Promise<unknown> {
  const { scheduler, random, faults } = world;
  const request: unknown[] = structuredClone(args);
  const sentAt = scheduler.now;
  const fate = drawFate(world);
  const isSlow = random.chance(faults.slow);
  const slowMs = isSlow ? random.fraction() * 3 * world.leaseMs : 0;
  const isSlowThere = random.chance(0.5);
  const thereMs = 0.5 + 3 * random.fraction() + (isSlowThere ? slowMs : 0);
  const backMs = 0.5 + 3 * random.fraction() + (isSlowThere ? 0 : slowMs);
  // What the caller waits for an answer that does not come.
  const patienceMs = world.leaseMs * (0.2 + random.fraction());
  if (fate !== "fine" || isSlow) world.disturb("call", process, Math.max(slowMs, patienceMs));
  if (fate !== "fine") world.met(`store call ${fate}`);
  if (isSlow) world.met("store call slow");

  return new Promise((resolve, reject) => {
    const reply = (delayMs: number, settle: () => void): void => {
      scheduler.post(delayMs, process, () => {
        world.trace(process.name, method, "reply");
        settle();
      });
    };
    const fail = (delayMs: number, what: string): void =>
      reply(delayMs, () => reject(new PerdureError("STORE_UNAVAILABLE", `Simulated: ${method} ${what}.`)));
    const execute = (answer: ((value: unknown) => void) | null): void => {
      if (world.isOutage) {
        world.met("store call in an outage");
        if (answer) fail(backMs, "met an outage");
        return;
      }
      void carryOut(world, process, method, request, sentAt).then(
        answer ?? (() => undefined),
        (error: unknown) => {
          if (answer) reply(backMs, () => reject(error));
          else world.alarm(process, `the store rejected ${method}: ${String(error)}`);
        },
      );
    };
    switch (fate) {
      case "fine":
        scheduler.post(thereMs, null, () =>
          execute((value) => reply(backMs, () => resolve(structuredClone(value)))),
        );
        break;
      case "fails-before":
        fail(thereMs + backMs, "failed before it was carried out");
        break;
      case "fails-after":
        scheduler.post(thereMs, null, () => execute(() => fail(backMs, "failed after it was carried out")));
        break;
      case "reply-lost":
        scheduler.post(thereMs, null, () => execute(null));
        fail(patienceMs + thereMs, "was not answered in time");
        break;
      case "late":
        scheduler.post(patienceMs + thereMs + random.fraction() * 2 * world.leaseMs, null, () =>
          execute(null),
        );
        fail(patienceMs, "was not answered in time");
        break;
    }
  });
}

function drawFate(world: World): Fate {
  const { random, faults } = world;
  let draw = random.fraction();
  const kinds: [Fate, number][] = [
    ["fails-before", faults.failsBefore],
    ["fails-after", faults.failsAfter],
    ["reply-lost", faults.replyLost],
    ["late", faults.carriedOutLate],
  ];
  for (const [fate, probability] of kinds) {
    if (draw < probability) return fate;
    draw -= probability;
  }
  return "fine";
}

/** One transaction of the store. It ends before the scheduler's next task. */
async function carryOut(
  world: World,
  process: SimulatedProcess,
  method: StoreMethod,
  request: unknown[],
  sentAt: number,
): Promise<unknown> {
  const methods = world.store as unknown as Record<string, (...request: unknown[]) => Promise<unknown>>;
  const answer = await methods[method]!(...request);
  world.trace(process.name, method, "done");
  world.record({
    tick: world.nextTick(),
    sentAt,
    at: world.scheduler.now,
    storeAt: Math.floor(world.storeNow()),
    process: process.name,
    method,
    request: request[0],
    more: request[1],
    answer: structuredClone(answer),
  } as never);
  return answer;
}
