/** The row and the first event of a run that is about to exist. */
import { encodeEvent } from "../model/event.ts";
import type { AttributeValue } from "../model/run.ts";
import type { NewRun } from "../store.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";

export interface NewRunOptions {
  id: string;
  /** Given where the id is not new for certain: `random()` and `uuid()` would repeat. */
  seed?: string;
  /** Encoded. */
  input: string;
  startAt?: number | null;
  startAfterMs?: number | null;
  deadlineAt?: number | null;
  deadlineAfterMs?: number | null;
  priority?: number;
  idempotencyKey?: string | null;
  inputHash?: string | null;
  attempt?: number;
  predecessorId?: string | null;
  replaces?: string | null;
  attributes?: Record<string, AttributeValue>;
}

export function createNewRun(spec: WorkflowSpec, options: NewRunOptions): NewRun {
  const attempt = options.attempt ?? 1;
  const predecessorId = options.predecessorId ?? null;
  const { body } = encodeEvent(
    {
      type: "run.created",
      at: 0,
      workflow: spec.name,
      version: spec.version,
      attempt,
      ...(predecessorId !== null && { predecessorId }),
      ...(options.seed !== undefined && { seed: options.seed }),
      ...(spec.transient && { transient: true as const }),
      payload: options.input,
    },
    1,
  );
  return {
    id: options.id,
    kind: "workflow",
    queue: spec.queue,
    workflow: spec.name,
    version: spec.version,
    priority: options.priority ?? 0,
    startAt: options.startAt ?? null,
    startAfterMs: options.startAfterMs ?? null,
    deadlineAt: options.deadlineAt ?? null,
    deadlineAfterMs: options.deadlineAt == null ? (options.deadlineAfterMs ?? spec.deadlineMs) : null,
    idempotencyKey: options.idempotencyKey ?? null,
    inputHash: options.inputHash ?? null,
    attempt,
    predecessorId,
    replaces: options.replaces ?? null,
    attributes: options.attributes ?? {},
    created: { body, payload: options.input },
  };
}
