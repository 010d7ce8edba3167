import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExportedLogs, parseCheckpointBundle, UnreadableLogError, verifyAudit } from "@cinnabar/server";
import { type TargetDeclaration, Violation } from "../engine/target.ts";
import { sharedService } from "../service/service.ts";
import { makeWorkingSet } from "../service/working-set.ts";
import { refusal } from "./declared-error.ts";

const SEPARATOR = "\n";
/** A server signs a checkpoint every second. */
const CHECKPOINT_MILLIS = 2_500;

/** Exported logs, of which one file was changed: verification says so, or the change says nothing. */
export const exportsTarget: TargetDeclaration = {
  name: "exports",
  what: "files of an exported audit log",
  group: "service",
  weight: 8,
  async open() {
    const service = await sharedService();
    await makeWorkingSet(service);
    await sleep(CHECKPOINT_MILLIS);
    const logs = service.folder.file("logs");
    const data = service.folder.file("data");
    const { exitCode, stderr } = await service.cli("audit", "export", logs, "--data", data);
    if (exitCode !== 0) throw new Error(`cinnabar audit export: ${stderr}`);
    const verifierKey = (await readFile(service.folder.file("data/audit-verifier.vkey"), "utf8")).trim();
    const savedCheckpoints = parseCheckpointBundle(await readFile(service.folder.file("checkpoints"), "utf8"));
    const verify = () => verifyAudit({ source: new ExportedLogs(logs), verifierKey, savedCheckpoints });

    const entries = await readdir(logs, { recursive: true, withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(logs.length + 1));
    const contents = new Map<string, Buffer>();
    for (const name of names) contents.set(name, await readFile(join(logs, name)));
    const intact = await verify();
    if (!intact.ok) throw new Violation("an export that nobody touched does not verify");
    return {
      // The file's name stands in the first line.
      seeds: [...contents].map(([name, bytes]) => Buffer.concat([Buffer.from(name + SEPARATOR), bytes])),
      fixedBytes: (input) => Buffer.from(input).indexOf(SEPARATOR) + 1,
      async attempt(input) {
        const bytes = Buffer.from(input);
        const end = bytes.indexOf(SEPARATOR);
        const name = bytes.toString("utf8", 0, end);
        const original = contents.get(name);
        // Only a replayed or shortened input names no file.
        if (original === undefined) return "names no file";
        await writeFile(join(logs, name), bytes.subarray(end + 1));
        try {
          const report = await verify();
          if (!report.ok) return "found";
          // Every byte of a tile counts. Of a note, further signatures do not, nor of other files what nobody reads.
          if (name.includes("tile/")) throw new Violation(`a change of ${name} is not found`);
          return "verified: the change says nothing";
        } catch (error) {
          return refusal(error, UnreadableLogError);
        } finally {
          await writeFile(join(logs, name), original);
        }
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};
