import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { kernelTables } from "@cinnabar/kernel";
import { kmsTables } from "@cinnabar/kms";
import { ramTables } from "@cinnabar/ram";
import { sharingTables } from "@cinnabar/sharing";

const BUSY_MILLIS = 30_000;

/** Looks at a server's database as an outsider. */
export class StoreDigest implements Disposable {
  readonly #database: DatabaseSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MILLIS });
  }

  /** SHA-256, in hexadecimal, over the rows of every table that decisions depend on. */
  take(): string {
    const hash = createHash("sha256");
    for (const { name, identity } of [...kernelTables, ...kmsTables, ...ramTables, ...sharingTables]) {
      hash.update(`table ${name}\n`);
      const order = identity.map((column) => `"${column}"`).join(", ");
      for (const row of this.#database.prepare(`SELECT * FROM "${name}" ORDER BY ${order}`).iterate()) {
        for (const [column, value] of Object.entries(row)) {
          const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value));
          hash.update(`${column} ${typeof value} ${bytes.length}\n`).update(bytes);
        }
      }
    }
    return hash.digest("hex");
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
