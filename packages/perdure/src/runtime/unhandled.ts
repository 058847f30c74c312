/**
 * Rejections that nobody handles, of code that belongs to a run.
 *
 * U1. One of workflow code is the run's: it is noted there, and fails the run unless it is handled before the function returns.
 * U2. One of a step's function is logged: the attempt has its own outcome, and the process is not the step's to end.
 * U3. All others go where they would have gone without us: to the user's handlers, or, without any, to an uncaught exception.
 */
import type { Logger } from "../logger.ts";
import { currentScope, type RunScope } from "../workflow/context.ts";

let users = 0;
let uninstall = (): void => undefined;

/** Takes care of them from now on. Returns what gives up this use; the last one takes the handlers away. */
export function watchUnhandled(logger: Logger): () => void {
  if (users++ === 0) uninstall = install(logger);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (--users === 0) uninstall();
  };
}

function install(logger: Logger): () => void {
  const owners = new WeakMap<Promise<unknown>, RunScope>();
  const onUnhandled = (reason: unknown, promise: Promise<unknown>): void => {
    const scope = currentScope();
    if (scope?.kind === "run") {
      owners.set(promise, scope);
      scope.noteUnhandled(promise, reason);
    } else if (scope?.kind === "step") {
      const { runId, step } = scope.info;
      logger.error(
        { runId, step, error: reason },
        "a promise that a step made was rejected, and nobody handled it",
      );
    } else if (process.listenerCount("unhandledRejection") === 1) {
      // With no listener Node would have thrown it.
      queueMicrotask(() => {
        throw reason;
      });
    }
  };
  const onHandled = (promise: Promise<unknown>): void => owners.get(promise)?.noteHandled(promise);
  process.on("unhandledRejection", onUnhandled);
  process.on("rejectionHandled", onHandled);
  return () => {
    process.off("unhandledRejection", onUnhandled);
    process.off("rejectionHandled", onHandled);
  };
}
