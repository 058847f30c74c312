/**
 * Promises are how workflows do several things at once: `Promise.all` for a few, `map` for many with a limit,
 * `mapSettled` where some may fail.
 *
 *   npx tsx examples/04-parallel-work.ts
 */
import { setTimeout as delay } from "node:timers/promises";
import { createEngine, FatalError, map, mapSettled, step, workflow } from "perdure";

const engine = createEngine({ store: "memory:" });

let inWork = 0;
let mostInWork = 0;

const resize = step("resize", async (picture: string, width: number) => {
  mostInWork = Math.max(mostInWork, ++inWork);
  await delay(20);
  inWork--;
  if (picture.startsWith("broken")) throw new FatalError(`${picture} is no picture`);
  return `${picture}@${width}`;
});

const gallery = workflow("gallery", async (pictures: string[]) => {
  const [cover, thumbnail] = await Promise.all([resize("cover.jpg", 1200), resize("cover.jpg", 200)]);
  const pages = await map(pictures, { concurrency: 4 }, (picture) => resize(picture, 800));
  const scans = await mapSettled(["a.png", "broken.png", "c.png"], { tolerate: 1 }, (scan) =>
    resize(scan, 400),
  );
  return { cover, thumbnail, pages, scans };
});

await engine.work();
const pictures = Array.from({ length: 20 }, (_, index) => `page-${index + 1}.jpg`);
const run = await engine.start(gallery, pictures);
const { cover, thumbnail, pages, scans } = await run.result();

console.log(`both at once: ${cover} and ${thumbnail}`);
console.log(
  `${pages.length} pages in order: ${pages[0]} … ${pages.at(-1)}, never more than ${mostInWork} at a time`,
);
for (const scan of scans) {
  console.log(
    scan.status === "fulfilled" ? `scan: ${scan.value}` : `scan failed: ${(scan.reason as Error).message}`,
  );
}
await engine.close();
