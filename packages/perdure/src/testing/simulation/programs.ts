/**
 * Random programs: small trees of what a workflow can do. A program is data; it is the input of its run, so that every process that
 * claims the run does the same.
 */
import type { Random } from "./random.ts";

export interface StepNode {
  kind: "step";
  id: number;
  name: string;
  /** Index into `values`. */
  value: number;
  durationMs: number;
  /** Attempts that fail, from the first. */
  failures: number;
  /** Fails by a `FatalError`, each time. */
  isFatal: boolean;
  maxAttempts: number;
  /** Attempts that hang until their timeout, from the first. */
  hangs: number;
  once: boolean;
  /** Fails for good in the first so many runs of a chain of whole-run retries. */
  failsInRuns: number;
  /** The process dies with every attempt. */
  isPoison: boolean;
}

export type Node =
  | StepNode
  | { kind: "sleep"; ms: number }
  | { kind: "sequence"; children: Node[] }
  | { kind: "all"; children: Node[] }
  | { kind: "settled"; children: Node[] }
  | { kind: "map"; children: Node[]; concurrency: number }
  | { kind: "race"; children: Node[] }
  | { kind: "try"; body: Node; handler: Node | null; cleanup: Node | null }
  /** Time, chance and ids are handed to a step and compared with what it was given the first time. */
  | { kind: "echo"; id: number }
  | { kind: "fail"; id: number };

export type WorkflowKind = "plain" | "retried" | "transient";

export interface Program {
  id: string;
  workflow: WorkflowKind;
  root: Node;
  deadlineMs: number | null;
  delayMs: number | null;
  /** Started under an id of its own instead of a key. */
  isNamed: boolean;
  priority: number;
}

/** What a step returns: values that are hard to store among them. */
export const values: readonly unknown[] = [
  null,
  0,
  -0,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "",
  "text with \u0000 and \ud800 and 😀",
  true,
  [1, [2, [3]]],
  { a: 1, nested: { __proto__: null, b: [undefined, null] } },
  new Date(86_400_000),
  new Map([["key", new Set([1, 2])]]),
  12_345_678_901_234_567_890n,
  undefined,
  "x".repeat(300),
];

const names = ["charge", "reserve", "notify"];

export class ProgramGenerator {
  readonly #random: Random;
  readonly #leaseMs: number;
  #nextId = 0;
  #size = 0;
  /** Race losers and failing branches go on unseen; a poisoned one would end a run that has its result. */
  #isPoisonAllowed = false;

  constructor(random: Random, leaseMs: number) {
    this.#random = random;
    this.#leaseMs = leaseMs;
  }

  program(id: string): Program {
    const random = this.#random;
    this.#nextId = 0;
    this.#size = 0;
    const draw = random.fraction();
    const workflow = draw < 0.15 ? "retried" : draw < 0.27 ? "transient" : "plain";
    this.#isPoisonAllowed = workflow === "plain" && random.chance(0.06);
    return {
      id,
      workflow,
      root: this.#sequence(0),
      deadlineMs: random.chance(0.15) ? Math.ceil(this.#leaseMs * (0.2 + 4 * random.fraction())) : null,
      delayMs: random.chance(0.15) ? Math.ceil(this.#leaseMs * 2 * random.fraction()) : null,
      isNamed: random.chance(0.25),
      priority: random.chance(0.3) ? random.between(-2, 2) : 0,
    };
  }

  #sequence(depth: number): Node {
    const count = this.#random.between(1, depth === 0 ? 5 : 3);
    return { kind: "sequence", children: this.#nodes(count, depth + 1) };
  }

  #nodes(count: number, depth: number): Node[] {
    return Array.from({ length: count }, () => this.#node(depth));
  }

  #node(depth: number): Node {
    const random = this.#random;
    this.#size++;
    const draw = depth >= 4 || this.#size > 18 ? random.below(50) : random.below(100);
    if (draw < 30) return this.#step({});
    if (draw < 43) return { kind: "sleep", ms: this.#sleepMs() };
    if (draw < 50) return { kind: "echo", id: this.#nextId++ };
    if (draw < 58) return this.#sequence(depth);
    if (draw < 64) return { kind: "all", children: this.#branches(depth) };
    if (draw < 70) return { kind: "settled", children: this.#branches(depth) };
    if (draw < 76) return { kind: "map", children: this.#branches(depth), concurrency: random.between(1, 3) };
    if (draw < 85) return { kind: "race", children: this.#branches(depth) };
    if (draw < 98) return this.#try(depth);
    return { kind: "fail", id: this.#nextId++ };
  }

  #branches(depth: number): Node[] {
    return this.#nodes(this.#random.between(2, 4), depth + 1);
  }

  #try(depth: number): Node {
    const random = this.#random;
    const hasHandler = random.chance(0.8);
    return {
      kind: "try",
      body: random.chance(0.5) ? this.#step({ failsOften: true }) : this.#node(depth + 1),
      handler: hasHandler ? this.#node(depth + 2) : null,
      cleanup: !hasHandler || random.chance(0.5) ? this.#step({ isSafe: true }) : null,
    };
  }

  #sleepMs(): number {
    const random = this.#random;
    const draw = random.fraction();
    if (draw < 0.1) return 0;
    if (draw < 0.6) return random.between(1, 300);
    return Math.ceil(this.#leaseMs * 2.5 * random.fraction());
  }

  #step({ isSafe = false, failsOften = false }): StepNode {
    const random = this.#random;
    const id = this.#nextId++;
    const draw = random.fraction();
    const step: StepNode = {
      kind: "step",
      id,
      name: random.pick(names),
      value: random.below(values.length),
      durationMs: this.#durationMs(),
      failures: 0,
      isFatal: false,
      maxAttempts: random.between(1, 3),
      hangs: 0,
      once: false,
      failsInRuns: 0,
      isPoison: false,
    };
    if (isSafe) return step;
    const shift = failsOften ? 0.4 : 0;
    if (draw < 0.6 - shift) return step;
    if (draw < 0.78 - shift) return { ...step, failures: random.between(1, step.maxAttempts) };
    if (draw < 0.83 - shift / 2) return { ...step, isFatal: true };
    if (draw < 0.88 - shift / 2) return { ...step, hangs: 1, maxAttempts: random.between(2, 3) };
    if (draw < 0.94) return { ...step, once: true, failures: random.below(2), maxAttempts: 2 };
    if (draw < 0.97 && this.#isPoisonAllowed) return { ...step, isPoison: true };
    return { ...step, failsInRuns: random.between(1, 3) };
  }

  #durationMs(): number {
    const random = this.#random;
    const draw = random.fraction();
    if (draw < 0.3) return 0;
    if (draw < 0.85) return random.between(1, 60);
    return Math.ceil(this.#leaseMs * (draw < 0.97 ? 1.5 : 6) * random.fraction());
  }
}
