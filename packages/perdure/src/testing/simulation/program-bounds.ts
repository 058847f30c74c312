import type { Node } from "./programs.ts";

/** How long a program may take when nothing goes wrong, all branches one after the other. */
export function longestMs(node: Node, leaseMs: number): number {
  switch (node.kind) {
    case "step":
      return (node.durationMs + 200) * (node.maxAttempts + 1) + (node.isPoison ? 30 * leaseMs : 0);
    case "sleep":
      return node.ms;
    case "echo":
    case "fail":
      return 50;
    case "try":
      return [node.body, node.handler, node.cleanup].reduce(
        (sum, part) => sum + (part ? longestMs(part, leaseMs) : 0),
        0,
      );
    default:
      return node.children.reduce((sum, child) => sum + longestMs(child, leaseMs), 0);
  }
}
