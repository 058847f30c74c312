import { expect, test } from "vitest";
import { createProject, jsonLines, type Running } from "./project.ts";

const file = `
import { setTimeout as wait } from "node:timers/promises";
import { sleep, step, workflow } from "perdure";
import { wording } from "./wording.ts";
const say = step("say", async (n: number) => { await wait(100); return wording + " " + n; });
export const talk = workflow("talk", async (count: number) => {
  const said: string[] = [];
  for (let n = 0; n < count; n++) { said.push(await say(n)); await sleep("50ms"); }
  return said;
});
`;
const wording = (text: string): string => `export const wording: string = ${JSON.stringify(text)};\n`;

/** Stops it as Ctrl-C does, and wants a clean end. */
async function stop(running: Running): Promise<void> {
  running.process.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0, signal: null });
}

for (const type of ["module", "commonjs"] as const) {
  test(`dev takes over a live run with new code when an imported file changes (${type})`, async () => {
    const project = createProject({ "talk.ts": file, "wording.ts": wording("old") }, { type });
    const dev = project.start(["dev", "talk.ts"]);
    await dev.until(/ready in .*serving talk/);
    await project.run(["run", "talk.ts", "--input", "20", "--id", "t1", "--no-wait"]);
    await dev.until(/'old 2'/);
    project.write("wording.ts", wording("new"));
    await dev.until(/wording\.ts changed[^]*'new \d+'[^]*completed/, 30_000);
    const shown = await project.run(["runs", "show", "t1", "--json"]);
    const { run } = JSON.parse(shown.stdout) as { run: { output: string[] } };
    const words = run.output.map((said) => said.split(" ")[0]);
    expect(words).toEqual([...words].sort().reverse());
    expect(new Set(words)).toEqual(new Set(["old", "new"]));
    await stop(dev);
  });
}

test("dev shows a mistake with its place, keeps the runs, and goes on with the next save", async () => {
  const project = createProject({ "talk.ts": file, "wording.ts": wording("old") });
  const dev = project.start(["dev", "talk.ts"]);
  await dev.until(/ready/);
  await project.run(["run", "talk.ts", "--input", "15", "--id", "t1", "--no-wait"]);
  await dev.until(/'old 1'/);
  project.write("wording.ts", "export const wording = ;\n");
  await dev.until(/FILE_FAILED: wording\.ts:1:24 Unexpected ";"[^]*waiting for the next save/);
  project.write("wording.ts", wording("mended"));
  await dev.until(/'mended \d+'[^]*completed/);
  await stop(dev);
});

test("dev begins with a file that cannot be loaded, and with an import that comes later", async () => {
  const project = createProject({ "talk.ts": file });
  const dev = project.start(["dev", "talk.ts"]);
  await dev.until(/no module "wording\.ts"/);
  project.write("wording.ts", wording("late"));
  await dev.until(/ready/);
  await stop(dev);
});

test("dev says when user code ends the process, and starts again with a save", async () => {
  const project = createProject({ "talk.ts": file, "wording.ts": wording("old") });
  const dev = project.start(["dev", "talk.ts"]);
  await dev.until(/ready/);
  project.write("wording.ts", `${wording("bad")}setTimeout(() => process.exit(7), 300);\n`);
  await dev.until(/the worker ended \(exit code 7\)/);
  project.write("wording.ts", wording("good"));
  await dev.until(/exit code 7[^]*ready/);
  await stop(dev);
});

test("dev --json writes JSON lines and nothing else on standard output", async () => {
  const project = createProject({ "talk.ts": `${file}console.log("noise");`, "wording.ts": wording("old") });
  const dev = project.start(["dev", "talk.ts", "--json"]);
  await dev.until(/"ready"/);
  await project.run(["run", "talk.ts", "--input", "1", "--no-wait"]);
  await dev.until(/"run\.completed"/);
  project.write("wording.ts", wording("new"));
  await dev.until(/"changed"[^]*"ready"/);
  await stop(dev);
  const types = jsonLines(dev.stdout()).map(({ type }) => type);
  expect(types[0]).toBe("ready");
  expect(types.slice(-4)).toEqual(["changed", "ready", "stopping", "stopped"]);
  expect(dev.stderr()).toContain("noise");
});
