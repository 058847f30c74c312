/** Runs programs as workflows of the engine. Everything durable that they do is a call of the public functions. */
import { FatalError } from "../../errors.ts";
import { stepInfo, type StepInfo } from "../../workflow/context.ts";
import { now, random, uuid } from "../../workflow/deterministic.ts";
import { map } from "../../workflow/map.ts";
import { sleep } from "../../workflow/sleep.ts";
import { step } from "../../workflow/step.ts";
import { workflow, type Workflow } from "../../workflow/workflow.ts";
import { values, type Node, type Program, type StepNode, type WorkflowKind } from "./programs.ts";

/** Where the functions of steps run: they are effects, and so the simulator's. */
export interface StepHost {
  /** Says that an attempt has begun, waits, and says how it ended. Never settles in a process that was killed. */
  perform(info: StepInfo, node: StepNode, program: Program): Promise<"ok" | "failed">;
}

/** Set by the one simulation that is under way in this thread. */
let host: StepHost | null = null;

export function hostSteps(next: StepHost | null): void {
  host = next;
}

export interface SimulatedInput {
  program: Program;
  /** Differs when a client tries to start something else under the same key. */
  variant: number;
}

/** One value for what was thrown. */
export function nameThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "something else";
  return thrown.name === "OutcomeUnknownError" || thrown.name === "TimeoutError"
    ? thrown.name
    : thrown.message;
}

function define(kind: WorkflowKind): Workflow<SimulatedInput, unknown> {
  const options =
    kind === "retried"
      ? { retry: { maxAttempts: 3, initialDelay: "200ms" } }
      : kind === "transient"
        ? { transient: true }
        : {};
  return workflow(`simulated-${kind}`, options, ({ program }: SimulatedInput) =>
    visit(program.root, program),
  );
}

type SimulatedWorkflows = Record<WorkflowKind, Workflow<SimulatedInput, unknown>>;

let defined: SimulatedWorkflows | undefined;

/** Defined at first use, and once: definitions are global, and who imports this may have a worker that serves all of them. */
export function simulatedWorkflows(): SimulatedWorkflows {
  return (defined ??= { plain: define("plain"), retried: define("retried"), transient: define("transient") });
}

async function visit(node: Node, program: Program): Promise<unknown> {
  const next = (child: Node): Promise<unknown> => visit(child, program);
  switch (node.kind) {
    case "step":
      return callStep(node, program);
    case "sleep":
      await sleep(node.ms);
      return "slept";
    case "sequence": {
      const results: unknown[] = [];
      for (const child of node.children) results.push(await next(child));
      return results;
    }
    case "all":
      return Promise.all(node.children.map(next));
    case "settled":
      return (await Promise.allSettled(node.children.map(next))).map((result) =>
        result.status === "fulfilled" ? { ok: result.value } : { thrown: nameThrown(result.reason) },
      );
    case "map":
      return map(node.children, { concurrency: node.concurrency }, next);
    case "race":
      return { winner: await Promise.race(node.children.map(next)) };
    case "try":
      return visitTry(node, next);
    case "echo":
      return visitEcho(node.id);
    case "fail":
      throw new Error(`thrown ${node.id}`);
  }
}

async function visitTry(
  { body, handler, cleanup }: Extract<Node, { kind: "try" }>,
  next: (child: Node) => Promise<unknown>,
): Promise<unknown> {
  const result: Record<string, unknown> = {};
  try {
    result["value"] = await next(body);
  } catch (error) {
    if (!handler) throw error;
    result["caught"] = nameThrown(error);
    result["handled"] = await next(handler);
  } finally {
    if (cleanup) result["cleanup"] = await next(cleanup);
  }
  return result;
}

/** A replay that drew other numbers, or saw another time, would compare them with what the step was given live. */
async function visitEcho(id: number): Promise<unknown> {
  const drawn = [random(), uuid(), now()];
  const echoed = await step.run(`echo-${id}`, { retry: { maxAttempts: 1 } }, () => drawn);
  const isSame = JSON.stringify(echoed) === JSON.stringify(drawn);
  return { isSame, isLater: now() >= (drawn[2] as number) };
}

function callStep(node: StepNode, program: Program): Promise<unknown> {
  const declared = step(
    node.name,
    {
      retry: { maxAttempts: node.maxAttempts, initialDelay: 40, backoff: "fixed" },
      once: node.once,
      ...(node.hangs > 0 && { timeout: node.durationMs + 50 }),
    },
    async (id: number) => {
      const info = stepInfo();
      const outcome = await host!.perform(info, node, program);
      if (outcome === "ok") return { id, value: values[node.value] };
      const error = node.isFatal ? new FatalError(`failed ${id}`) : new Error(`failed ${id}`);
      // Where it was thrown is nothing that a world is about, and long.
      error.stack = "";
      throw error;
    },
  );
  return declared(node.id);
}
