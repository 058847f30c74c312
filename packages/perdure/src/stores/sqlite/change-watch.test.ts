import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { watchChanges } from "./change-watch.ts";

test("a file that cannot be read for a while is watched on, and ends no process", async () => {
  const folder = await mkdtemp(join(tmpdir(), "perdure-watch-"));
  const file = join(folder, "log");
  await writeFile(file, "");
  let version = 1;
  let failures = 0;
  let isDamaged = false;
  let hear = (): void => undefined;
  const heard = new Promise<void>((resolve) => (hear = resolve));
  const end = watchChanges({
    file,
    readVersion: () => {
      if (!isDamaged) return version;
      failures++;
      throw new Error("file is not a database");
    },
    onChange: hear,
  });
  try {
    isDamaged = true;
    while (failures === 0) {
      await appendFile(file, "x");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    isDamaged = false;
    version = 2;
    await appendFile(file, "x");
    await heard;
    assert.ok(failures > 0);
  } finally {
    end();
    await rm(folder, { recursive: true, force: true });
  }
});
