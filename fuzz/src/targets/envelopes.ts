import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { type TargetDeclaration, Violation } from "../engine/target.ts";
import { sharedService } from "../service/service.ts";
import { makeWorkingSet } from "../service/working-set.ts";

/** One of them is longer than a chunk of the stream. */
const PLAINTEXTS = [Buffer.alloc(0), Buffer.from("a short text\n"), Buffer.alloc(70_000, "0123456789abcdef")];

/** Files that `cinnabar encrypt` made. What was changed leaves no output and says why. */
export const envelopesTarget: TargetDeclaration = {
  name: "envelopes",
  what: "encrypted files, decrypted by the command line",
  group: "service",
  weight: 8,
  async open() {
    const service = await sharedService();
    const { "@KEY@": keyId } = await makeWorkingSet(service);
    const { folder, credentialsFile } = service;
    const common = ["--credentials", credentialsFile, "--endpoint", service.server.endpoint.origin];
    const seeds: Buffer[] = [];
    for (const [number, plaintext] of PLAINTEXTS.entries()) {
      const file = folder.file(`plain-${number}`);
      await writeFile(file, plaintext);
      const { exitCode, stderr } = await service.cli(
        "encrypt",
        file,
        "--key",
        keyId,
        "--context",
        "tenant=acme",
        ...common,
      );
      if (exitCode !== 0) throw new Error(`cinnabar encrypt: ${stderr}`);
      seeds.push(await readFile(`${file}.cinnabar`));
    }
    const input = folder.file("mutated");
    const output = folder.file("decrypted");
    return {
      seeds,
      async attempt(bytes) {
        await writeFile(input, bytes);
        const { exitCode, stdout, stderr } = await service.cli("decrypt", input, "-o", output, ...common);
        const isWritten = existsSync(output);
        if (isWritten) await rm(output);
        const original = seeds.some((seed) => seed.equals(bytes));
        if (exitCode === 0 && !original) throw new Violation("a changed file decrypts");
        if (exitCode !== 0 && isWritten) throw new Violation(`a refused file leaves an output: ${stderr}`);
        if (exitCode !== 0 && (exitCode !== 1 || !stderr.startsWith("cinnabar: ") || stdout !== "")) {
          throw new Violation(`exit code ${exitCode}: ${stderr}${stdout}`);
        }
        if (/\b(?:TypeError|RangeError|ReferenceError|SyntaxError)\b/.test(stderr)) {
          throw new Violation(`an error that nobody foresaw: ${stderr}`);
        }
        return exitCode === 0 ? "decrypted, being the same" : "refused";
      },
      endRound: () => service.assertSound(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};
