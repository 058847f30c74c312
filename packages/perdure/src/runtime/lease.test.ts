import { expect, test } from "vitest";
import { silentLogger } from "../logger.ts";
import type { RenewAnswer, RenewRequest, Store } from "../store.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { Lease } from "./lease.ts";
import { StoreTime } from "./store-time.ts";

const leaseMs = 10_000;

interface Played {
  clock: FakeClock;
  lease: Lease;
  lost: () => number;
  renewals: RenewRequest[];
  heard: { strange: unknown[]; unread: unknown[] };
}

/** A lease on a store that answers each renewal as it is told; an Error rejects. */
async function play(
  answer: (clock: FakeClock) => Partial<RenewAnswer> | Error | Promise<never>,
): Promise<Played> {
  const clock = new FakeClock();
  const renewals: RenewRequest[] = [];
  let lost = 0;
  const heard = { strange: [] as unknown[], unread: [] as unknown[] };
  const store = {
    register: async () => ({ now: clock.now() }),
    async renew(request: RenewRequest) {
      renewals.push(request);
      const given = await answer(clock);
      if (given instanceof Error) throw given;
      return { live: true, now: clock.now(), leaseUntil: 0, strange: [], unread: [], ...given };
    },
  } as unknown as Store;
  const worker = { id: "w", leaseMs, host: "h", pid: 1, version: "1", lanes: [], concurrency: 1 };
  const lease = new Lease({
    store,
    storeTime: new StoreTime(clock),
    clock,
    logger: silentLogger,
    worker,
    claims: () => [{ runId: "r", claim: "c", readInboxSeq: 2 }],
    lanes: () => worker.lanes,
    onLost: () => lost++,
    onStrange: (claims) => heard.strange.push(...claims),
    onUnread: (ids) => heard.unread.push(...ids),
  });
  await lease.begin();
  return { clock, lease, lost: () => lost, renewals, heard };
}

test("a lease that is renewed lasts, and is settled after one whole length", async () => {
  const { clock, lease, lost, renewals } = await play(() => ({}));
  await clock.advance(leaseMs - 1);
  expect([lease.isLive, lease.isSettled]).toEqual([true, false]);
  await clock.advance(1);
  expect(lease.isSettled).toBe(true);
  await clock.advance(10 * leaseMs);
  expect([lease.isLive, lost(), renewals.length]).toEqual([true, 0, 36]);
  expect(renewals[0]).toMatchObject({ workerId: "w", claims: [{ runId: "r", claim: "c", readInboxSeq: 2 }] });
  lease.stop();
});

test("a lease that cannot be renewed is tried sooner and sooner, and lost once, at its end and not later", async () => {
  const { clock, lease, lost, renewals } = await play(() => new Error("away"));
  await clock.advance(leaseMs - 1);
  expect([lease.isLive, lost()]).toEqual([true, 0]);
  expect(renewals.length).toBeGreaterThan(5);
  clock.leap(1);
  expect([lease.isLive, lost()]).toEqual([false, 1]);
  await clock.advance(leaseMs);
  expect(lost()).toBe(1);
});

test("one renewal that comes through in time keeps it", async () => {
  let away = true;
  const { clock, lease, lost } = await play(() => (away ? new Error("away") : {}));
  await clock.advance(8_500);
  away = false;
  await clock.advance(leaseMs);
  expect([lease.isLive, lost()]).toEqual([true, 0]);
});

test("its length counts from before the request was sent, not from when its answer came", async () => {
  let answerAfter = 0;
  const { clock, lease } = await play(async (own) => {
    own.leap(answerAfter);
    return {} as never;
  });
  answerAfter = 6_000;
  // Sent at 3,000, answered at 9,000: it ends at 13,000.
  await clock.advance(3_000);
  answerAfter = 100_000;
  expect(clock.monotonic()).toBe(9_000);
  clock.leap(3_999);
  expect(lease.isLive).toBe(true);
  clock.leap(1);
  expect(lease.isLive).toBe(false);
});

test("a machine that slept has lost it, by either of its clocks", async () => {
  for (const sleepFor of [
    (clock: FakeClock) => clock.leap(leaseMs),
    (clock: FakeClock) => clock.stepWall(leaseMs),
  ]) {
    const { clock, lease, lost } = await play(() => ({}));
    sleepFor(clock);
    expect([lease.isLive, lost()]).toEqual([false, 1]);
  }
});

test("a store that has given its runs away ends it at once", async () => {
  const { clock, lease, lost } = await play(() => ({ live: false }));
  await clock.advance(3_000);
  expect([lease.isLive, lost()]).toEqual([false, 1]);
});

test("strange claims and unread messages are passed on, also those of an answer that came after a failed try", async () => {
  let tries = 0;
  const strange = [{ runId: "x", claim: "y" }];
  const { clock, heard } = await play(() => (++tries === 1 ? new Error("away") : { strange, unread: ["r"] }));
  await clock.advance(4_000);
  expect(heard).toEqual({ strange, unread: ["r"] });
});

test("what was stopped renews no more", async () => {
  const { clock, lease, renewals } = await play(() => ({}));
  lease.stop();
  await clock.advance(leaseMs * 2);
  expect(renewals).toEqual([]);
});
