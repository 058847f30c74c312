import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createProject, orderFile } from "./project.ts";

test("the project's own copy of the package serves, not the one whose command was called", async () => {
  const project = createProject({ "order.ts": orderFile });
  rmSync(join(project.folder, "node_modules/perdure"));
  project.write(
    "node_modules/perdure/package.json",
    '{"name":"perdure","type":"module","bin":{"perdure":"./cli.js"}}',
  );
  project.write(
    "node_modules/perdure/cli.js",
    'console.log("the project\'s copy", process.argv.slice(2).join(" "))',
  );
  const ended = await project.run(["run", "order.ts", "order"]);
  expect(ended.stdout).toBe("the project's copy run order.ts order\n");
});

test("a project that has not installed the package is told to", async () => {
  const project = createProject({ "order.ts": orderFile });
  rmSync(join(project.folder, "node_modules/perdure"));
  const ended = await project.run(["run", "order.ts", "order"]);
  expect(ended.stderr).toMatch(/^FILE_FAILED: .*no module "perdure".*npm install perdure/m);
});
