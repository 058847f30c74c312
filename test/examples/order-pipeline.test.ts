import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { parseCsv } from "../../examples/order-pipeline/csv.ts";
import { readOrders } from "../../examples/order-pipeline/order.ts";
import { root, runProgram } from "./run-program.ts";

const demo = "examples/order-pipeline/demo.ts";
const folder = mkdtempSync(join(tmpdir(), "perdure-demo-"));
/** What a good demo left. */
const evidence = join(folder, "good");

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the demo", () => {
  test("survives three kills with every order charged once", async () => {
    const startedAt = performance.now();
    const { code, lines } = await runProgram(demo, { env: { PIPELINE_STATE: evidence } });
    const text = lines.join("\n");
    expect(code, text).toBe(0);
    expect(
      lines.filter((line) => /^ {2}kill -9 {10}pid \d+, with \d+ runs in flight$/.test(line)).length,
    ).toBeGreaterThanOrEqual(3);
    expect(text).toMatch(/✓ every valid order charged exactly once +472 of 472, 0 charged twice/);
    expect(text).toMatch(/✓ the right amounts, and nothing else/);
    expect(text).toMatch(/✓ every receipt written, for its own charge +472 of 472, 472 files/);
    expect(text).toMatch(/✓ every bad row reported, with its reason +28 of 28/);
    expect(text).toMatch(/✓ nothing lost: one completed run an order +472 of 472/);
    expect(text).toMatch(/✓ the worker was killed while it worked +3 times/);
    expect(text).toMatch(/kill 3 +\d+ runs +first after \d+\.\d\d s +all after \d+\.\d\d s/);
    // Nothing but plain lines where nobody looks at a terminal.
    expect(text).not.toMatch(/[\r\x1b]/);
    expect(performance.now() - startedAt).toBeLessThan(60_000);
  });

  test("can be killed itself; the next one begins anew, and notices a service that charges twice", async () => {
    const env = { PIPELINE_STATE: join(folder, "faulty") };
    const killed = await runProgram(demo, { env, killAfterLine: /kill -9/ });
    expect(killed.code).toBeNull();
    const { code, lines } = await runProgram(demo, { env, args: ["--forget-keys"] });
    const text = lines.join("\n");
    expect(code, text).toBe(1);
    expect(text).toMatch(/✗ every valid order charged exactly once +\d+ of 472, \d+ charged twice \(A-/);
    expect(text).toMatch(/✗ the right amounts, and nothing else/);
    expect(text).toMatch(/Something is wrong/);
  });
});

describe("the evidence", () => {
  const planted = join(folder, "planted");

  beforeEach(() => {
    rmSync(planted, { recursive: true, force: true });
    cpSync(evidence, planted, { recursive: true });
  });

  async function brokenClaims(): Promise<string[]> {
    vi.stubEnv("PIPELINE_STATE", planted);
    vi.resetModules();
    const { checkEvidence } = await import("../../examples/order-pipeline/evidence.ts");
    return checkEvidence()
      .filter(({ holds }) => !holds)
      .map(({ claim }) => claim);
  }

  const ledger = join(planted, "ledger.jsonl");
  const chargedOnce = "every valid order charged exactly once";
  const amounts = "the right amounts, and nothing else";
  const receipts = "every receipt written, for its own charge";

  function firstCharge(): string {
    return readFileSync(ledger, "utf8").split("\n")[0]!;
  }

  test("holds as it was left", async () => {
    expect(await brokenClaims()).toEqual([]);
  });

  test("does not hold with one charge twice", async () => {
    appendFileSync(ledger, `${firstCharge()}\n`);
    expect(await brokenClaims()).toEqual([chargedOnce, amounts]);
  });

  test("does not hold with a charge missing", async () => {
    writeFileSync(ledger, readFileSync(ledger, "utf8").replace(`${firstCharge()}\n`, ""));
    expect(await brokenClaims()).toEqual([chargedOnce, amounts, receipts]);
  });

  test("does not hold with a charge for an order that nobody made", async () => {
    appendFileSync(ledger, `${firstCharge().replace(/A-\d{5}/, "A-99999")}\n`);
    expect(await brokenClaims()).toEqual([amounts]);
  });

  test("does not hold with a receipt missing, or for another charge", async () => {
    unlinkSync(join(planted, "receipts/A-10001.json"));
    expect(await brokenClaims()).toEqual([receipts]);
    cpSync(join(planted, "receipts/A-10002.json"), join(planted, "receipts/A-10001.json"));
    expect(await brokenClaims()).toEqual([receipts]);
  });

  test("does not hold with a bad row dropped", async () => {
    const rejected = JSON.parse(readFileSync(join(planted, "rejected.json"), "utf8")) as unknown[];
    writeFileSync(join(planted, "rejected.json"), JSON.stringify(rejected.slice(1)));
    expect(await brokenClaims()).toEqual(["every bad row reported, with its reason"]);
  });
});

describe("reading the file", () => {
  test("each of the 500 rows is an order, or has a line and a reason", () => {
    const { orders, rejected } = readOrders(readFileSync(join(root, "examples/order-pipeline/orders.csv")));
    expect(orders).toHaveLength(472);
    expect(rejected.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      "21: quantity is missing",
      "45: email is missing",
      "62: order_id is missing",
      '77: unit_price "39,90" is not an amount such as 12.50',
      '100: unit_price "-12.50" is not an amount such as 12.50',
      '118: currency "USD" is not EUR',
      '133: unit_price "free" is not an amount such as 12.50',
      '155: quantity "0" is not a whole number from 1 to 9999',
      "171: order_id is that of line 44",
      "196: order_id is that of line 195",
      "215: customer is missing",
      '230: placed_at "31/02/2024" is not a date such as 2024-06-30',
      '244: unit_price "1,250.00" is not an amount such as 12.50',
      '263: email "grace.hopper(at)example.com" is not an address',
      "279: it has 5 fields instead of 9",
      '294: quantity "2.5" is not a whole number from 1 to 9999',
      "310: it has 11 fields instead of 9",
      "326: it is not UTF-8",
      '344: currency "eur" is not EUR',
      '361: unit_price "1e3" is not an amount such as 12.50',
      '375: order_id "A-10O62" is not of the form A-12345',
      '393: quantity "999999999" is not a whole number from 1 to 9999',
      "407: a quote is never closed",
      '416: placed_at "2024-13-05" is not a date such as 2024-06-30',
      '436: unit_price "0.00" is zero',
      '459: order_id "a-10301" is not of the form A-12345',
      "475: sku is missing",
      "515: a quote is never closed",
    ]);
  });

  test("quotes keep commas, line breaks and quotes; any line ending will do", () => {
    const text = '\uFEFFa,b\r\n"x, y","say ""hi""\r\nagain"\n\n1,2" long\rlast,';
    expect(parseCsv(Buffer.from(text))).toEqual([
      { line: 1, fields: ["a", "b"] },
      { line: 2, fields: ["x, y", 'say "hi"\nagain'] },
      { line: 5, fields: ["1", '2" long'] },
      { line: 6, fields: ["last", ""] },
    ]);
  });

  test("a quote that is never closed costs its own line alone", () => {
    expect(parseCsv(Buffer.from('a,"b\nc,"d"\ne,"f"g\nh,i'))).toEqual([
      { line: 1, fields: ["a"], flaw: "a quote is never closed" },
      { line: 2, fields: ["c", "d"] },
      { line: 3, fields: ["e"], flaw: "a quote is never closed" },
      { line: 4, fields: ["h", "i"] },
    ]);
  });

  test("bytes that are not UTF-8 are a flaw, and no letters", () => {
    const [record] = parseCsv(Buffer.from("Fran\xe7ois,1\n", "latin1"));
    expect(record!.flaw).toBe("it is not UTF-8");
  });
});
