import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The `openssl` command, in a directory of its own. */
export class OpenSsl implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<OpenSsl> {
    return new OpenSsl(await mkdtemp(join(tmpdir(), "cinnabar-openssl-")));
  }

  /**
   * Runs the command. What it reads stays there for the next ones.
   *
   * @param files - what it finds in its directory beside that, by file name.
   * @returns what it writes into the file `out`, or else says.
   */
  async run(command: string, files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<Buffer> {
    await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(this.#directory, name), content)));
    const { stdout } = await run("openssl", command.split(" "), { cwd: this.#directory, encoding: "buffer" });
    return command.includes(" -out out") ? readFile(join(this.#directory, "out")) : stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }
}
