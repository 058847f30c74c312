/** All benchmarks, one process each: `npm run bench`, or `npm run bench -- three-steps`. */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const all = [
  "three-steps",
  "sequential-steps",
  "parallel-steps",
  "sleeping-runs",
  "claim-cost",
  "wake-across-processes",
];
const chosen = process.argv.slice(2).length > 0 ? process.argv.slice(2) : all;
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}. Ratios count; single figures are this machine's.`,
);
let failed = 0;
for (const name of chosen) {
  if (!all.includes(name)) {
    console.error(`There is no benchmark "${name}". Known: ${all.join(", ")}.`);
    process.exit(2);
  }
  console.log(`\n${name}`);
  const file = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const { status } = spawnSync(process.execPath, ["--expose-gc", file], { stdio: "inherit" });
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
