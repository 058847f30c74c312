import { existsSync } from "node:fs";
import { openEngine, tell } from "./program.ts";

export const engine = openEngine();
tell("file", existsSync("./program.db"));
