/** The crash-point proof in its long form, without a test runner: `node --import tsx test/crash/proof.ts --pairs 300`. */
import { parseArgs } from "node:util";
import { compile } from "./compile.ts";
import { allPoints, CrashPoints, drawPairs, forEachOf, type CrashResult } from "./crash-points.ts";
import type { CrashPoint } from "./seam-store.ts";
import { shapes, type Shape } from "./shapes.ts";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "0" },
    shape: { type: "string" },
    singles: { type: "boolean", default: true },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    point: { type: "string" },
    parallel: { type: "string", default: "4" },
  },
  allowNegative: true,
});

const compiled = await compile();
const crashPoints = new CrashPoints(compiled.program("crash-child"));
const chosen = shapes.filter(({ name }) => values.shape === undefined || name.includes(values.shape));
const results: CrashResult[] = [];
let failedShapes = 0;
const tell = (result: CrashResult): void => {
  results.push(result);
  if (result.violations.length === 0) return;
  const where = result.crashes.map(({ point, mode }) => `${point} ${mode}`).join(", then ");
  console.log(`VIOLATION in "${result.shape}" at ${where}:\n  ${result.violations.join("\n  ")}`);
};

try {
  if (values.point !== undefined) {
    const points = values.point.split(",").map((text): CrashPoint => {
      const [name, number, mode] = text.trim().split(" ");
      return { point: `${name} ${number}`, mode: mode as CrashPoint["mode"] };
    });
    for (const shape of chosen) tell(await crashPoints.crash(shape, points));
  } else {
    const counted = new Map<Shape, CrashPoint[]>();
    for (const shape of chosen) {
      const beganAt = performance.now();
      const counts = await crashPoints.count(shape).catch((error: unknown) => {
        failedShapes++;
        console.log(`VIOLATION without a crash: ${(error as Error).message}`);
      });
      if (!counts) continue;
      const points = allPoints(shape, counts);
      counted.set(shape, points);
      if (values.singles)
        await forEachOf(points, Number(values.parallel), async (point) =>
          tell(await crashPoints.crash(shape, [point])),
        );
      const mine = results.filter((result) => result.shape === shape.name);
      const missed = mine.filter((result) => result.missed.length > 0);
      const seconds = ((performance.now() - beganAt) / 1000).toFixed(1);
      const finish = mine.map(({ finishMs }) => finishMs).sort((a, b) => a - b);
      const slowest = `finished in ${finish[finish.length >> 1]?.toFixed(0) ?? "-"} ms, at most ${finish.at(-1)?.toFixed(0) ?? "-"}`;
      console.log(
        `${shape.name}: ${points.length} points, ${JSON.stringify(counts)}, ${seconds} s, ${slowest}`,
      );
      if (missed.length > 0)
        console.log(
          `  not reached: ${missed.map(({ missed: [first] }) => `${first!.point} ${first!.mode}`).join(", ")}`,
        );
    }
    await pairs(counted, Number(values.pairs), Number(values.seed));
  }
} finally {
  await compiled.remove();
}
const bad = results.filter(({ violations }) => violations.length > 0).length;
console.log(`${results.length} crashes, ${bad} with violations`);
process.exitCode = bad + failedShapes > 0 ? 1 : 0;

async function pairs(counted: ReadonlyMap<Shape, CrashPoint[]>, count: number, seed: number): Promise<void> {
  if (count === 0) return;
  console.log(`${count} pairs, --seed ${seed}`);
  let both = 0;
  await forEachOf(drawPairs(counted, count, seed), Number(values.parallel), async ({ shape, points }) => {
    const result = await crashPoints.crash(shape, points);
    if (result.missed.length === 0) both++;
    tell(result);
  });
  console.log(`${both} of ${count} pairs reached both points; the others are singles`);
}
