/** Rotates the root key of `file:root` in the folder given, whose file `store` is the store, and is killed at the step given. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rotateSeal } from "../../src/seal/index.ts";
import { sealNamed } from "./migration.ts";

const [folder = "", step = ""] = process.argv.slice(2);
const store = join(folder, "store");
await rotateSeal({
  seal: sealNamed("file:root", { folder }),
  expected: await readFile(store, "utf8"),
  keepOld: true,
  commit: ({ to }) => writeFile(store, to.checkValue),
  onStep(done) {
    if (done === step) process.kill(process.pid, "SIGKILL");
  },
});
