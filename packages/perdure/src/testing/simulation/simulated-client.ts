/**
 * What a user of the engine does: starts, waits, ends by force, retries by hand, and asks again whatever was not answered.
 *
 * A client that is killed is started anew and does the same once more: its starts must find their runs.
 */
import type { Engine } from "../../engine.ts";
import { PerdureError, RunFailedError } from "../../errors.ts";
import type { RunHandle } from "../../runtime/run-handle.ts";
import { simulatedWorkflows } from "./interpreter.ts";
import type { Program } from "./programs.ts";
import type { ClientCall, ClientOutcome } from "./recording.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** What one client wants of one program. Decided beforehand: a client that begins anew wants the same. */
export interface Wish {
  program: Program;
  startAfterMs: number;
  startsTwice: boolean;
  /** Tries to start something else under the same key. */
  conflicts: boolean;
  terminateAfterMs: number | null;
  /** Once: the client remembers it over its own deaths. */
  retriesFailure: boolean;
  asksStatusEveryMs: number | null;
}

export class SimulatedClient {
  readonly #world: World;
  readonly #process: SimulatedProcess;
  readonly #engine: Engine;
  readonly #name: string;

  constructor(world: World, process: SimulatedProcess, engine: Engine, name: string) {
    this.#world = world;
    this.#process = process;
    this.#engine = engine;
    this.#name = name;
  }

  /** Settles when the wish has come to its end. */
  async fulfil(wish: Wish): Promise<void> {
    const { program } = wish;
    await this.#process.sleep(wish.startAfterMs);
    const handle = await this.#start(program);
    const tasks = [this.#await(wish, handle)];
    if (wish.startsTwice) tasks.push(this.#start(program).then(() => undefined));
    if (wish.conflicts) tasks.push(this.#startAnother(program));
    if (wish.terminateAfterMs !== null) tasks.push(this.#terminate(wish, handle));
    if (wish.asksStatusEveryMs !== null) tasks.push(this.#askStatus(wish, handle));
    await Promise.all(tasks);
  }

  async #start(program: Program): Promise<RunHandle> {
    for (;;) {
      const handle = await this.#call("start", program, null, () => this.#startOnce(program, 0));
      if (handle) return handle;
      await this.#pause();
    }
  }

  async #startAnother(program: Program): Promise<void> {
    for (;;) {
      const call = this.#begin("start", program, null);
      call.isConflicting = true;
      try {
        const handle = await this.#startOnce(program, 1);
        this.#end(call, { status: "ok", value: null }, handle.id);
        return;
      } catch (error) {
        this.#end(call, outcomeOf(error));
        if (call.outcome?.status === "failed") return;
      }
      await this.#pause();
    }
  }

  async #startOnce(program: Program, variant: number): Promise<RunHandle> {
    const { id, workflow, isNamed, deadlineMs, delayMs, priority } = program;
    return this.#engine.start(
      simulatedWorkflows()[workflow],
      { program, variant },
      {
        ...(isNamed ? { id } : { idempotencyKey: id }),
        ...(deadlineMs !== null && { deadline: deadlineMs }),
        ...(delayMs !== null && { delay: delayMs }),
        priority,
      },
    );
  }

  async #await(wish: Wish, first: RunHandle): Promise<void> {
    let handle = first;
    for (;;) {
      const call = this.#begin("result", wish.program, handle.id);
      try {
        const value = await handle.result({ timeout: this.#world.leaseMs * 10 });
        this.#end(call, { status: "ok", value });
        return;
      } catch (error) {
        this.#end(call, outcomeOf(error));
        if (error instanceof PerdureError) {
          await this.#pause();
        } else if (error instanceof RunFailedError && wish.retriesFailure) {
          wish.retriesFailure = false;
          handle = this.#engine.run(error.runId);
          await this.#retry(wish, handle);
        } else return;
      }
    }
  }

  async #retry({ program }: Wish, handle: RunHandle): Promise<void> {
    for (;;) {
      const call = this.#begin("retry", program, handle.id);
      try {
        await handle.retry();
        this.#end(call, { status: "ok", value: null });
        return;
      } catch (error) {
        this.#end(call, outcomeOf(error));
        // Retried already: by another client, or by a call whose answer was lost.
        if (call.outcome?.status === "failed") return;
        await this.#pause();
      }
    }
  }

  async #terminate({ program, terminateAfterMs }: Wish, handle: RunHandle): Promise<void> {
    await this.#process.sleep(terminateAfterMs!);
    while ((await this.#call("terminate", program, handle.id, () => handle.terminate())) === null)
      await this.#pause();
  }

  async #askStatus({ program, asksStatusEveryMs }: Wish, handle: RunHandle): Promise<void> {
    for (let times = 0; times < 10; times++) {
      await this.#process.sleep(asksStatusEveryMs!);
      await this.#call("status", program, handle.id, () => handle.status());
    }
  }

  /** Null when nothing is known of how it went. */
  async #call<T>(
    kind: ClientCall["kind"],
    program: Program,
    runId: string | null,
    act: () => Promise<T>,
  ): Promise<T | null> {
    const call = this.#begin(kind, program, runId);
    try {
      const value = await act();
      const foundId = kind === "start" ? (value as unknown as RunHandle).id : undefined;
      this.#end(call, { status: "ok", value: kind === "start" ? null : value }, foundId);
      return value;
    } catch (error) {
      this.#end(call, outcomeOf(error));
      if (call.outcome?.status === "failed") {
        this.#world.alarm(this.#process, `a client's ${kind} was refused: ${call.outcome.message}`);
        throw error;
      }
      return null;
    }
  }

  #begin(kind: ClientCall["kind"], program: Program, runId: string | null): ClientCall {
    const call: ClientCall = {
      tick: this.#world.nextTick(),
      endTick: null,
      endAt: null,
      client: this.#name,
      process: this.#process.name,
      kind,
      program: program.id,
      key: kind === "start" ? program.id : null,
      isConflicting: false,
      runId,
      outcome: null,
    };
    this.#world.clientCalls.push(call);
    return call;
  }

  #end(call: ClientCall, outcome: ClientOutcome, runId?: string): void {
    call.endTick = this.#world.nextTick();
    call.endAt = this.#world.scheduler.now;
    call.outcome = outcome;
    if (runId !== undefined) call.runId = runId;
  }

  #pause(): Promise<void> {
    return this.#process.sleep(50 + this.#process.entropy.fraction() * 200);
  }
}

function outcomeOf(error: unknown): ClientOutcome {
  if (error instanceof PerdureError && (error.code.startsWith("STORE_") || error.code === "RESULT_TIMEOUT")) {
    return { status: "unknown", code: error.code };
  }
  const { name, message } = error as Error;
  const cause = (error as Error).cause;
  const code = (error as { code?: string }).code ?? (cause as { code?: string } | undefined)?.code ?? "";
  return { status: "failed", name, code, message };
}
