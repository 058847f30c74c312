/** Time and chance for workflow code: the same live and in replay. Outside of a workflow they pass through. */
import { randomUUID } from "node:crypto";
import { currentScope } from "./context.ts";

/**
 * Milliseconds since 1970. In a workflow it is store time, stands still between two awaits, and never goes backwards.
 *
 * @example const startedAt = now();
 */
export function now(): number {
  const scope = currentScope();
  return scope?.kind === "run" ? scope.now() : Date.now();
}

/** From 0 up to, not including, 1. In a workflow it is the run's own sequence; not for secrets. */
export function random(): number {
  const scope = currentScope();
  return scope?.kind === "run" ? scope.random() : Math.random();
}

/** A UUID (version 4). In a workflow it comes from the run's own sequence; not for secrets. */
export function uuid(): string {
  const scope = currentScope();
  if (scope?.kind !== "run") return randomUUID();
  const digits = Array.from({ length: 4 }, () =>
    Math.floor(scope.random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0"),
  ).join("");
  const variant = ((parseInt(digits[16]!, 16) & 0x3) | 0x8).toString(16);
  return (
    `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-` +
    `${variant}${digits.slice(17, 20)}-${digits.slice(20)}`
  );
}
