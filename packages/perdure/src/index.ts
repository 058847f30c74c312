export { workflow, type InputArgs, type Workflow } from "./workflow/workflow.ts";
export type { WorkflowOptions, WorkflowSpec } from "./workflow/workflow-spec.ts";
export { step, type Step } from "./workflow/step.ts";
export type { StepCallOptions, StepOptions } from "./workflow/step-spec.ts";
export { stepInfo, type StepInfo } from "./workflow/context.ts";
export { sleep } from "./workflow/sleep.ts";
export { map, mapSettled, type MapOptions, type MapSettledOptions } from "./workflow/map.ts";
export { now, random, uuid } from "./workflow/deterministic.ts";

export { start, work } from "./start.ts";
export { closeDefaultEngine, defineConfig, type PerdureConfig } from "./default-engine.ts";
export {
  createEngine,
  type Engine,
  type EngineHealth,
  type EngineOptions,
  type StartArgs,
  type StopOptions,
  type WorkerHandle,
  type WorkOptions,
} from "./engine.ts";
export type { ListFilter } from "./runtime/client.ts";
export type { StartOptions } from "./runtime/start-options.ts";
export type { RunHandle } from "./runtime/run-handle.ts";
export type { RunDetails, RunInfo } from "./runtime/run-info.ts";
export type { HistoryEvent } from "./runtime/history-view.ts";

export {
  CancelledError,
  errorCodes,
  FatalError,
  OutcomeUnknownError,
  PerdureError,
  RetryableError,
  RunFailedError,
  TimeoutError,
  TooManyFailuresError,
  type ErrorCode,
} from "./errors.ts";

export { createMemoryStore } from "./stores/memory/memory-store.ts";
export type { Store, StoreHealth, WorkerRecord } from "./store.ts";
export type { Broker, Hint } from "./broker.ts";
export { silentLogger, standardErrorLogger, type Logger } from "./logger.ts";
export type { Clock } from "./clock.ts";
export type { Entropy } from "./entropy.ts";
export type { Duration } from "./model/duration.ts";
export type { EventType } from "./model/event.ts";
export type { Failure } from "./model/failure.ts";
export type { Limits } from "./model/limits.ts";
export type { Page } from "./model/page.ts";
export type { Backoff, RetryOptions } from "./model/retry.ts";
export type { AttributeValue, Lane, RunStatus } from "./model/run.ts";
export { describeWaiting, type Waiting } from "./model/waiting.ts";
