/**
 * What a program may lead to. It knows the language and nothing of the engine.
 *
 * It judges a result that is there instead of listing those that are possible: which branch of a race wins, and which of two failures is
 * first, is time's choice.
 */
import { isDeepStrictEqual } from "node:util";
import { values, type Node, type Program, type StepNode } from "./programs.ts";

/** What has happened to the run that excuses a result. */
export interface Circumstances {
  /** A worker was lost while it had the run: `once` steps may not know. */
  wasDisturbed: boolean;
  /** It was retried by hand: failing steps had all their attempts once more. */
  wasRewound: boolean;
  /** Its place in a chain of whole-run retries, from 1. */
  ordinal: number;
}

export class Oracle {
  readonly #program: Program;
  readonly #circumstances: Circumstances;

  constructor(program: Program, circumstances: Circumstances) {
    this.#program = program;
    this.#circumstances = circumstances;
  }

  allowsValue(value: unknown, node: Node = this.#program.root): boolean {
    switch (node.kind) {
      case "step":
        return this.#canSucceed(node) && isDeepStrictEqual(value, { id: node.id, value: values[node.value] });
      case "sleep":
        return value === "slept";
      case "sequence":
      case "all":
      case "map":
        return this.#allowsEach(node.children, value, (child, item) => this.allowsValue(item, child));
      case "settled":
        return this.#allowsEach(node.children, value, (child, item) => this.#allowsSettled(child, item));
      case "race":
        return (
          hasKeys(value, ["winner"]) &&
          node.children.some((child) => this.allowsValue(value["winner"], child))
        );
      case "try":
        return this.#allowsTry(node, value);
      case "echo":
        return isDeepStrictEqual(value, { isSame: true, isLater: true });
      case "fail":
        return false;
    }
  }

  /** `thrown` as the interpreter names it. */
  allowsThrown(thrown: string, node: Node = this.#program.root): boolean {
    switch (node.kind) {
      case "step":
        return this.#canThrow(node, thrown);
      case "sleep":
        return false;
      case "echo":
        return thrown === "TimeoutError" && this.#program.deadlineMs !== null;
      case "sequence":
        return node.children.some(
          (child, index) =>
            this.allowsThrown(thrown, child) &&
            node.children.slice(0, index).every((earlier) => this.#canEnd(earlier)),
        );
      case "all":
      case "map":
      case "race":
        return node.children.some((child) => this.allowsThrown(thrown, child));
      case "settled":
        return false;
      case "try": {
        if (node.cleanup && this.allowsThrown(thrown, node.cleanup)) return true;
        if (!node.handler) return this.allowsThrown(thrown, node.body);
        return this.#canFail(node.body) && this.allowsThrown(thrown, node.handler);
      }
      case "fail":
        return thrown === `thrown ${node.id}`;
    }
  }

  #allowsEach(children: Node[], value: unknown, allows: (child: Node, item: unknown) => boolean): boolean {
    return (
      Array.isArray(value) &&
      value.length === children.length &&
      children.every((child, index) => allows(child, value[index]))
    );
  }

  #allowsSettled(child: Node, item: unknown): boolean {
    if (hasKeys(item, ["ok"])) return this.allowsValue(item["ok"], child);
    return hasKeys(item, ["thrown"]) && this.allowsThrown(String(item["thrown"]), child);
  }

  #allowsTry({ body, handler, cleanup }: Extract<Node, { kind: "try" }>, value: unknown): boolean {
    const cleanupKey = cleanup ? ["cleanup"] : [];
    if (cleanup && !(hasKey(value, "cleanup") && this.allowsValue(value["cleanup"], cleanup))) return false;
    if (hasKeys(value, ["value", ...cleanupKey])) return this.allowsValue(value["value"], body);
    if (!handler || !hasKeys(value, ["caught", "handled", ...cleanupKey])) return false;
    return this.allowsThrown(String(value["caught"]), body) && this.allowsValue(value["handled"], handler);
  }

  #canSucceed(step: StepNode): boolean {
    if (step.isFatal || step.isPoison) return false;
    if (step.failsInRuns >= this.#circumstances.ordinal) return false;
    return step.failures < step.maxAttempts || this.#circumstances.wasRewound;
  }

  #canThrow(step: StepNode, thrown: string): boolean {
    const { wasDisturbed, ordinal } = this.#circumstances;
    const hasDeadline = this.#program.deadlineMs !== null;
    if (thrown === "OutcomeUnknownError") return step.once && wasDisturbed;
    // No time is left for another attempt, or for the end of this one.
    if (thrown === "TimeoutError") return hasDeadline || (step.hangs > 0 && wasDisturbed);
    if (thrown !== `failed ${step.id}`) return false;
    return step.isFatal || step.failsInRuns >= ordinal || step.failures >= step.maxAttempts;
  }

  /** Whether it can come to a value at all. */
  #canEnd(node: Node): boolean {
    switch (node.kind) {
      case "step":
        return this.#canSucceed(node);
      case "sleep":
      case "echo":
      case "settled":
        return true;
      case "sequence":
      case "all":
      case "map":
        return node.children.every((child) => this.#canEnd(child));
      case "race":
        return node.children.some((child) => this.#canEnd(child));
      case "try":
        return (
          (this.#canEnd(node.body) || (node.handler !== null && this.#canEnd(node.handler))) &&
          (node.cleanup === null || this.#canEnd(node.cleanup))
        );
      case "fail":
        return false;
    }
  }

  #canFail(node: Node): boolean {
    const { wasDisturbed } = this.#circumstances;
    switch (node.kind) {
      case "step":
        return (
          !this.#canSucceed(node) ||
          node.failures >= node.maxAttempts ||
          ((node.once || node.hangs > 0) && wasDisturbed) ||
          this.#program.deadlineMs !== null
        );
      case "sleep":
      case "settled":
        return false;
      case "echo":
        return this.#program.deadlineMs !== null;
      case "sequence":
      case "all":
      case "map":
      case "race":
        return node.children.some((child) => this.#canFail(child));
      case "try":
        return (
          (node.cleanup !== null && this.#canFail(node.cleanup)) ||
          (this.#canFail(node.body) && (node.handler === null || this.#canFail(node.handler)))
        );
      case "fail":
        return true;
    }
  }
}

function hasKey(value: unknown, key: string): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}

function hasKeys<K extends string>(value: unknown, keys: K[]): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.keys(value).length === keys.length &&
    keys.every((key) => Object.hasOwn(value, key))
  );
}
