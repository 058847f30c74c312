import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test("a slip leads to the name that was meant, and anything else to none", () => {
  const known = ["order", "refund", "send-email"];
  expect(nearest("ordr", known)).toBe("order");
  expect(nearest("Order", known)).toBe("order");
  expect(nearest("oredr", known)).toBe("order");
  expect(nearest("email", known)).toBe("send-email");
  expect(nearest("warehouse", known)).toBeUndefined();
});
