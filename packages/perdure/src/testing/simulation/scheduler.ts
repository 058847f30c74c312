/**
 * The one thing that happens next: simulated time, and every task that waits for it.
 *
 * D1. One task runs at a time. After it the microtasks are drained by a real macrotask, so that whatever a task leads to has
 *     happened before the next begins.
 * D2. Tasks of one moment run in an order that the seed draws.
 * D3. A task of a process that was killed never runs; one of a process that is paused runs when the pause is over.
 * D4. No wall time. A world that does not get on in time is found by the number of tasks in one moment.
 */
import type { Random } from "./random.ts";

/** Whose task it is: nobody's tasks are the network's and the world's. */
export interface TaskOwner {
  readonly isDead: boolean;
  /** Simulated time before which nothing of it runs. */
  readonly pausedUntil: number;
}

interface Task {
  at: number;
  order: number;
  owner: TaskOwner | null;
  run: () => void;
  isCancelled: boolean;
}

/** More tasks than this within a millisecond are a loop without a wait. */
const maxTasksOfMoment = 5_000;

export class Scheduler {
  /** Simulated milliseconds since the world began. */
  now = 0;
  steps = 0;
  /** Whose task runs now. */
  current: TaskOwner | null = null;
  /** Set when the world went round in circles. */
  isStuck = false;
  readonly #random: Random;
  readonly #heap: Task[] = [];
  #momentAt = 0;
  #tasksOfMoment = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Returns what takes it back. */
  post(delayMs: number, owner: TaskOwner | null, run: () => void): () => void {
    const task = {
      at: this.now + Math.max(0, delayMs),
      order: this.#random.fraction(),
      owner,
      run,
      isCancelled: false,
    };
    this.#push(task);
    return () => void (task.isCancelled = true);
  }

  /** Runs tasks until `isOver` says so, or nothing is left to do. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver() && !this.isStuck) {
      const task = this.#pop();
      if (!task) return;
      if (task.isCancelled || task.owner?.isDead) continue;
      if (task.owner && task.owner.pausedUntil > this.now && task.owner.pausedUntil > task.at) {
        task.at = task.owner.pausedUntil;
        this.#push(task);
        continue;
      }
      this.#advance(task.at);
      this.steps++;
      this.current = task.owner;
      task.run();
      await macrotask();
      this.current = null;
    }
  }

  #advance(at: number): void {
    this.now = Math.max(this.now, at);
    if (this.now - this.#momentAt > 1) {
      this.#momentAt = this.now;
      this.#tasksOfMoment = 0;
    } else if (++this.#tasksOfMoment > maxTasksOfMoment) {
      this.isStuck = true;
    }
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(task);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(task, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = task;
  }

  #pop(): Task | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(left: Task, right: Task): boolean {
  return left.at === right.at ? left.order < right.order : left.at < right.at;
}

export function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
