/**
 * The ambient context of user code: which run, or which attempt of a step, a call belongs to.
 *
 * Code outside of both has none: there a step is just its function, and what waits throws `NOT_IN_RUN`.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { PerdureError } from "../errors.ts";
import type { When } from "../model/duration.ts";
import type { StepSpec } from "./step-spec.ts";

/** A durable call that workflow code makes; its number is its place in call order. */
export type OperationRequest =
  | { kind: "step"; name: string; spec: StepSpec; args: readonly unknown[] }
  | { kind: "timer"; name: string; when: When };

/** Workflow code runs in it. An execution implements it. */
export interface RunScope {
  readonly kind: "run";
  readonly runId: string;
  readonly workflow: string;
  /** A promise that settles when history says so; it never throws. */
  perform(request: OperationRequest): Promise<unknown>;
  /** Store time of the last delivery. */
  now(): number;
  /** The run's own sequence, from 0 up to, not including, 1. */
  random(): number;
  /** A promise of this code was rejected, and nobody has handled it so far. */
  noteUnhandled(promise: Promise<unknown>, reason: unknown): void;
  noteHandled(promise: Promise<unknown>): void;
}

/** The function of a step runs in it. */
export interface StepScope {
  readonly kind: "step";
  readonly info: StepInfo;
}

/** What an attempt may know about itself. */
export interface StepInfo {
  readonly runId: string;
  readonly workflow: string;
  readonly step: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** The same over all attempts of this step in this run, and of no other: hand it to whoever must not act twice. */
  readonly idempotencyKey: string;
  /** Fires when the attempt takes too long, the run is cancelled or ended, or this worker lost the run. */
  readonly signal: AbortSignal;
}

export type Scope = RunScope | StepScope;

const scopesKey = Symbol.for("perdure.scopes.v1");
const scopes = sharedScopes();

/**
 * Shared, like the registry, by all copies of the package in a process: a step that came from one copy would otherwise take a run of
 * another copy's engine for no run at all, and be called without being recorded.
 */
function sharedScopes(): AsyncLocalStorage<Scope> {
  const holder = globalThis as unknown as { [scopesKey]: AsyncLocalStorage<Scope> | undefined };
  return (holder[scopesKey] ??= new AsyncLocalStorage<Scope>());
}

export function currentScope(): Scope | undefined {
  return scopes.getStore();
}

export function withScope<Args extends unknown[], T>(
  scope: Scope,
  run: (...args: Args) => T,
  ...args: Args
): T {
  return scopes.run(scope, run, ...args);
}

/** For code that the engine calls on its own account while user code is on the stack. */
export function withoutScope<T>(run: () => T): T {
  return scopes.exit(run);
}

/**
 * The run that a waiting call belongs to.
 *
 * @throws PerdureError `NOT_IN_RUN` outside of a run, `INSIDE_STEP` in a step's function.
 */
export function requireRun(call: string): RunScope {
  const scope = scopes.getStore();
  if (scope?.kind === "run") return scope;
  if (scope?.kind === "step") {
    throw new PerdureError(
      "INSIDE_STEP",
      `${call} was called inside step "${scope.info.step}" of run "${scope.info.runId}". A step's function cannot wait ` +
        `durably: wait in the workflow, or split the step in two.`,
    );
  }
  throw new PerdureError(
    "NOT_IN_RUN",
    `${call} was called outside of a run. Call it in a workflow's function, and start the workflow with start().`,
  );
}

/**
 * The running attempt of a step.
 *
 * @throws PerdureError `NOT_IN_RUN` outside of a step's function.
 * @example const response = await fetch(url, { signal: stepInfo().signal });
 */
export function stepInfo(): StepInfo {
  const scope = scopes.getStore();
  if (scope?.kind === "step") return scope.info;
  throw new PerdureError("NOT_IN_RUN", "stepInfo() was called outside of a step's function.");
}
