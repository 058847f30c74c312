/**
 * The runs that have a due time and no owner, by lane: what a claim chooses from.
 *
 * R1. A run is in it exactly while it is unowned and has a `wakeAt`. Owned, ended and inbox-only runs are not in it, so that
 *     a claim costs the same beside any number of them.
 * R2. A lane has two heaps: runs that are due, in the order of claiming, and the others, by time. Runs move over when their time
 *     has come, and back when the clock was stepped back: a place in a heap is a guess, `wakeAt` decides.
 */
import type { Lane } from "../../model/run.ts";
import { Heap, type HeapItem } from "./heap.ts";

interface Waiter extends HeapItem {
  readonly id: string;
  readonly priority: number;
  readonly wakeAt: number;
  heap: Heap<Waiter>;
}

interface LaneHeaps {
  due: Heap<Waiter>;
  later: Heap<Waiter>;
}

export class ReadySet {
  readonly #lanes = new Map<string, LaneHeaps>();
  readonly #waiters = new Map<string, Waiter>();

  /** Puts the run where its `wakeAt` and priority say, wherever it was before. */
  set(run: Lane & { id: string; priority: number }, wakeAt: number): void {
    this.delete(run.id);
    const key = laneKey(run);
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { due: new Heap(isClaimedBefore), later: new Heap(isDueBefore) };
      this.#lanes.set(key, lane);
    }
    const waiter: Waiter = { id: run.id, priority: run.priority, wakeAt, heap: lane.later, heapIndex: 0 };
    lane.later.add(waiter);
    this.#waiters.set(run.id, waiter);
  }

  delete(id: string): void {
    const waiter = this.#waiters.get(id);
    if (!waiter) return;
    waiter.heap.remove(waiter);
    this.#waiters.delete(id);
  }

  /** Takes out up to `limit` runs that are due, in the order of claiming over all these lanes. */
  take(lanes: readonly Lane[], limit: number, now: number): string[] {
    const heaps = this.#heapsOf(lanes);
    for (const lane of heaps) promote(lane, now);
    const taken: string[] = [];
    while (taken.length < limit) {
      let best: Waiter | undefined;
      for (const lane of heaps) {
        const first = firstDue(lane, now);
        if (first && (!best || isClaimedBefore(first, best))) best = first;
      }
      if (!best) break;
      this.delete(best.id);
      taken.push(best.id);
    }
    return taken;
  }

  /** When the next run of these lanes becomes due that is not due now. Tells the truth only after a `take` that left nothing due. */
  nextDueAt(lanes: readonly Lane[]): number | null {
    let next: number | null = null;
    for (const lane of this.#heapsOf(lanes)) {
      const first = lane.later.first();
      if (first && (next === null || first.wakeAt < next)) next = first.wakeAt;
    }
    return next;
  }

  #heapsOf(lanes: readonly Lane[]): LaneHeaps[] {
    const keys = new Set(lanes.map(laneKey));
    return [...keys].flatMap((key) => this.#lanes.get(key) ?? []);
  }
}

/** A text that no two lanes share, whatever characters are in their names. */
export function laneKey(lane: Lane): string {
  return JSON.stringify([lane.queue, lane.workflow, lane.version]);
}

function promote(lane: LaneHeaps, now: number): void {
  for (let first = lane.later.first(); first && first.wakeAt <= now; first = lane.later.first()) {
    move(first, lane.due);
  }
}

function firstDue(lane: LaneHeaps, now: number): Waiter | undefined {
  for (let first = lane.due.first(); first; first = lane.due.first()) {
    if (first.wakeAt <= now) return first;
    move(first, lane.later);
  }
  return undefined;
}

function move(waiter: Waiter, heap: Heap<Waiter>): void {
  waiter.heap.remove(waiter);
  waiter.heap = heap;
  heap.add(waiter);
}

function isClaimedBefore(left: Waiter, right: Waiter): boolean {
  if (left.priority !== right.priority) return left.priority > right.priority;
  if (left.wakeAt !== right.wakeAt) return left.wakeAt < right.wakeAt;
  return left.id < right.id;
}

function isDueBefore(left: Waiter, right: Waiter): boolean {
  return left.wakeAt < right.wakeAt;
}
