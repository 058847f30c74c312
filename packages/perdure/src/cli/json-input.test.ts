import { expect, test } from "vitest";
import { firstFault, parseJson } from "./json-input.ts";

test.for([
  ['{"a":}', 5],
  ["[1,]", 3],
  ['{"a" 1}', 5],
  ["{a:1}", 1],
  ['["\\x"]', 2],
  ["[1] 2", 4],
  ["01", 1],
  ["tru", 0],
  ['{"a":[{"b":"c"', 14],
] as const)("the fault in %s is at %i", ([json, offset]) => {
  expect(() => JSON.parse(json) as unknown).toThrow();
  expect(firstFault(json)).toBe(offset);
});

test("what JSON.parse takes has no fault", () => {
  for (const json of ['{"a":[1,-2.5e3,"\\u00e4\\n",null,true,{}],"b":[]}', ' "x" ', "\t0\n"]) {
    expect(firstFault(json)).toBe(json.length);
    expect(parseJson(json, "it")).toEqual(JSON.parse(json));
  }
});
