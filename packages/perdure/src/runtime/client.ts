/**
 * Starts runs and asks about them. Needs a store, and no worker.
 *
 * G1. Everything that can be refused is refused before anything is written.
 * G2. Starts of one turn share a transaction. A hint goes out after it.
 */
import { createHash } from "node:crypto";
import type { Broker } from "../broker.ts";
import type { Clock } from "../clock.ts";
import type { Entropy } from "../entropy.ts";
import { PerdureError } from "../errors.ts";
import { parseDuration } from "../model/duration.ts";
import { createRunId, createToken } from "../model/id.ts";
import type { Page } from "../model/page.ts";
import { encodePayload } from "../model/payload.ts";
import { runStatuses, type RunStatus } from "../model/run.ts";
import type { Adoption, ClaimedRun, CreateAnswer, NewRun, RunFilter, Store, WorkerRecord } from "../store.ts";
import { findWorkflow, registeredWorkflows } from "../workflow/registry.ts";
import { checkSchema } from "../workflow/schema.ts";
import type { WorkflowSpec } from "../workflow/workflow-spec.ts";
import { Batch } from "./batch.ts";
import { terminate } from "./intervention.ts";
import { createNewRun } from "./new-run.ts";
import type { RunChanges } from "./run-changes.ts";
import { RunHandle, type HandlePorts } from "./run-handle.ts";
import { describeRun, type RunInfo } from "./run-info.ts";
import { checkStartOptions, deadlineOf, type StartOptions } from "./start-options.ts";
import type { RunWatch } from "./run-watch.ts";

/** Which runs a list has. Everything given must hold. */
export interface ListFilter extends Omit<RunFilter, "status" | "createdAfter" | "createdBefore"> {
  status?: RunStatus | readonly RunStatus[];
  createdAfter?: Date;
  createdBefore?: Date;
}

export interface ClientPorts {
  /** Opened. */
  store: () => Promise<Store>;
  broker: Broker;
  clock: Clock;
  entropy: Entropy;
  changes: RunChanges;
  watch: RunWatch;
  /** Asks whether somebody in this process could take so many new runs at once. */
  findPlaces: (count: number) => Places | null;
}

/** Free places that are kept for runs about to be created. */
export interface Places {
  adoption: Adoption;
  /** Gives the places back, with the runs that were claimed for them. */
  fill: (claimed: ClaimedRun[]) => void;
}

/** Runs in one transaction. */
const maxBatch = 500;

export class Client {
  readonly #ports: ClientPorts;
  readonly #creations: Batch<NewRun, CreateAnswer>;
  readonly #handlePorts: HandlePorts;

  constructor(ports: ClientPorts) {
    this.#ports = ports;
    this.#creations = new Batch(ports.clock, maxBatch, (runs) => this.#create(runs));
    this.#handlePorts = { ...ports, hint: (runId) => ports.broker.publish([{ runId }]) };
  }

  handle<Output>(id: string): RunHandle<Output> {
    return new RunHandle(this.#handlePorts, id);
  }

  async start<Output>(
    workflow: WorkflowSpec | string,
    input: unknown,
    options: StartOptions = {},
  ): Promise<RunHandle<Output>> {
    const spec = requireSpec(workflow, options.version);
    const run = this.#createRun(spec, spec.input ? await checkInput(spec, input) : input, options);
    const answer = await this.#creations.ask(run);
    if (answer.status === "created") return new RunHandle(this.#handlePorts, answer.id, { created: true });
    return this.#meet(run, answer, options);
  }

  /** Starts many runs, 500 to a transaction, and answers in their order. Nothing is written when one of them is refused. */
  async startMany<Output>(
    workflow: WorkflowSpec | string,
    starts: readonly { input: unknown; options?: StartOptions }[],
  ): Promise<RunHandle<Output>[]> {
    const runs = await Promise.all(
      starts.map(async ({ input, options = {} }) => {
        const spec = requireSpec(workflow, options.version);
        return this.#createRun(spec, spec.input ? await checkInput(spec, input) : input, options);
      }),
    );
    const answers = await Promise.all(runs.map((run) => this.#creations.ask(run)));
    return Promise.all(
      answers.map(async (answer, index) =>
        answer.status === "created"
          ? new RunHandle<Output>(this.#handlePorts, answer.id, { created: true })
          : this.#meet<Output>(runs[index]!, answer, starts[index]!.options ?? {}),
      ),
    );
  }

  async runs(filter: ListFilter, cursor?: string, limit = 50): Promise<Page<RunInfo>> {
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000) {
      throw new PerdureError(
        "INVALID_OPTION",
        `limit of a list is ${limit}. It must be a whole number from 1 to 1000.`,
      );
    }
    const store = await this.#ports.store();
    const page = await store.runs({
      ...toStoreFilter(filter),
      limit,
      ...(cursor !== undefined && { cursor }),
    });
    const workers = await store.workers();
    const { now } = await store.health();
    return { items: page.items.map((run) => describeRun(run, now, workers)), cursor: page.cursor };
  }

  async count(filter: ListFilter): Promise<Partial<Record<RunStatus, number>>> {
    return (await this.#ports.store()).count(toStoreFilter(filter));
  }

  async workers(): Promise<WorkerRecord[]> {
    return (await this.#ports.store()).workers();
  }

  /** Runs for which there is a place in this process are claimed as they are created; of the others a hint goes out. */
  async #create(runs: NewRun[]): Promise<CreateAnswer[]> {
    const store = await this.#ports.store();
    const places = this.#ports.findPlaces(runs.length);
    const claimed: ClaimedRun[] = [];
    try {
      const answers = await store.create(runs, places?.adoption);
      const queues = new Set<string>();
      answers.forEach((answer, index) => {
        if (answer.status !== "created") return;
        if (answer.claimed) claimed.push(answer.claimed);
        else queues.add(runs[index]!.queue);
      });
      if (queues.size > 0) this.#ports.broker.publish([...queues].map((queue) => ({ queue })));
      return answers;
    } finally {
      places?.fill(claimed);
    }
  }

  /** @param input as the workflow's schema gave it. */
  #createRun(spec: WorkflowSpec, input: unknown, options: StartOptions): NewRun {
    const { clock, entropy } = this.#ports;
    checkStartOptions(spec, options);
    const payload = encodePayload(input, inputOf(spec), spec.limits);
    const isNamed = options.id !== undefined || options.idempotencyKey !== undefined;
    const bytes = (size: number): Uint8Array => entropy.bytes(size);
    return createNewRun(spec, {
      id: options.id ?? createRunId(clock.now(), bytes),
      ...(options.id !== undefined && { seed: createToken("", bytes) }),
      input: payload,
      startAt: options.startAt?.getTime() ?? null,
      startAfterMs: options.delay === undefined ? null : parseDuration(options.delay, "delay"),
      ...deadlineOf(options.deadline),
      priority: options.priority ?? 0,
      idempotencyKey: options.idempotencyKey ?? null,
      inputHash: isNamed ? hash(payload) : null,
      attributes: options.attributes ?? {},
    });
  }

  /** The run was not written, because of another one. */
  async #meet<Output>(
    run: NewRun,
    answer: Exclude<CreateAnswer, { status: "created" }>,
    options: StartOptions,
  ): Promise<RunHandle<Output>> {
    if (answer.status === "conflict") {
      throw new PerdureError(
        "ID_EXISTS",
        `The run that was to be replaced by "${run.id}" has changed meanwhile. Start again.`,
      );
    }
    const fits = answer.workflow === run.workflow && answer.inputHash === run.inputHash;
    if (answer.by === "key") {
      if (fits) return this.handle(answer.id);
      throw new PerdureError(
        "KEY_CONFLICT",
        `The idempotency key "${run.idempotencyKey ?? ""}" of workflow "${run.workflow}" belongs to run "${answer.id}", which has ` +
          `another input. Use a key that says what makes this start differ.`,
      );
    }
    if (options.onExisting === "terminate") return this.#replace(run, answer.id);
    if (options.onExisting !== "reject" && fits) return this.handle(answer.id);
    const found = fits
      ? ""
      : answer.workflow === run.workflow
        ? ", with another input"
        : `, of workflow "${answer.workflow}"`;
    throw new PerdureError(
      "ID_EXISTS",
      `Run "${run.id}" exists${found}. Choose another id, or say with onExisting what is to become of that run.`,
    );
  }

  /** Ends the last run of the chain that began with this id, and has a new one take its place. */
  async #replace<Output>(run: NewRun, id: string): Promise<RunHandle<Output>> {
    const store = await this.#ports.store();
    const { clock, entropy } = this.#ports;
    for (;;) {
      let last = await store.run(id);
      while (last?.run.successorId != null) last = await store.run(last.run.successorId);
      if (!last) throw new PerdureError("RUN_NOT_FOUND", `Run "${id}" was removed meanwhile. Start again.`);
      const reason = `The run was replaced by another start with the id "${id}".`;
      if ((await terminate(store, last.run.id, reason)) === "asked") {
        this.#handlePorts.hint(last.run.id);
        const ended = last.run.id;
        await new Promise<void>((resolve) => this.#ports.watch.onEnd(ended, false, () => resolve()));
      }
      const successorId = createRunId(clock.now(), (size) => entropy.bytes(size));
      const successor = {
        ...run,
        id: successorId,
        replaces: last.run.id,
        predecessorId: last.run.id,
        idempotencyKey: null,
      };
      const answer = await this.#creations.ask(successor);
      if (answer.status === "created") return new RunHandle(this.#handlePorts, answer.id, { created: true });
    }
  }
}

function requireSpec(workflow: WorkflowSpec | string, version: string | undefined): WorkflowSpec {
  const name = typeof workflow === "string" ? workflow : workflow.name;
  const isThere = typeof workflow !== "string" && (version === undefined || version === workflow.version);
  const spec = isThere ? workflow : findWorkflow(name, version);
  if (spec) return spec;
  const known = [...new Set(registeredWorkflows().map((known) => known.name))].sort().slice(0, 20).join(", ");
  const which = version === undefined ? `"${name}"` : `"${name}" with version "${version}"`;
  throw new PerdureError(
    "UNKNOWN_WORKFLOW",
    `Workflow ${which} is not defined in this process. Import the module that defines it. Known: ${known || "none"}.`,
  );
}

function checkInput(spec: WorkflowSpec, input: unknown): Promise<unknown> {
  return checkSchema(spec.input!, input, "INVALID_INPUT", inputOf(spec));
}

function inputOf({ name }: WorkflowSpec): string {
  return `The input of workflow "${name}"`;
}

function toStoreFilter({ status, createdAfter, createdBefore, ...rest }: ListFilter): RunFilter {
  const statuses = status === undefined ? undefined : typeof status === "string" ? [status] : status;
  for (const one of statuses ?? []) {
    if (!runStatuses.includes(one)) {
      throw new PerdureError(
        "INVALID_OPTION",
        `status "${one as string}" is none of ${runStatuses.join(", ")}.`,
      );
    }
  }
  return {
    ...rest,
    ...(statuses && { status: statuses }),
    ...(createdAfter && { createdAfter: createdAfter.getTime() }),
    ...(createdBefore && { createdBefore: createdBefore.getTime() }),
  };
}

/** Only ever compared. */
function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 32);
}
