/** Migrates from `file:old` to `passphrase:new` in the folder given, and is killed at the step given. */
import { migrateSeal } from "../../src/seal/index.ts";
import { sealNamed } from "./migration.ts";

const [folder = "", step = "", expected = ""] = process.argv.slice(2);
await migrateSeal({
  from: sealNamed("file:old", { folder }),
  to: sealNamed("passphrase:new", { folder }),
  expected,
  keepOld: false,
  record: async () => {},
  onStep(done) {
    if (done === step) process.kill(process.pid, "SIGKILL");
  },
});
