import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { TestContext } from "node:test";

const folder = new URL("../../../../shared/vectors/wycheproof/", import.meta.url);

export interface WycheproofVector {
  readonly tcId: number;
  readonly comment: string;
  readonly result: "valid" | "acceptable" | "invalid";
  /** The properties of the vector's group, such as `ivSize`, in bits. */
  readonly group: Readonly<Record<string, unknown>>;
  /** The bytes of one of the vector's hexadecimal fields. */
  bytes(field: string): Buffer;
}

interface WycheproofFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly {
    readonly tests: readonly (Readonly<Record<string, unknown>> &
      Pick<WycheproofVector, "tcId" | "comment" | "result">)[];
  }[];
}

/**
 * All vectors of one file of Wycheproof. Where the vectors are missing, marks the running test as skipped and gives
 * undefined, so that a bare clone can be tested; under CI that is an error.
 */
export function wycheproof(t: TestContext, name: string): readonly WycheproofVector[] | undefined {
  if (skipsWithoutVectors(t)) return undefined;
  const file = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as WycheproofFile;
  const vectors = file.testGroups.flatMap(({ tests, ...group }) =>
    tests.map((test) => ({
      tcId: test.tcId,
      comment: test.comment,
      result: test.result,
      group,
      bytes(field: string) {
        const hex = test[field];
        assert(typeof hex === "string", `vector ${test.tcId} has no ${field}`);
        return Buffer.from(hex, "hex");
      },
    })),
  );
  assert.equal(vectors.length, file.numberOfTests);
  return vectors;
}

/** The names of all files of vectors; `undefined` where {@link wycheproof} gives that. */
export function wycheproofFiles(t: TestContext): readonly string[] | undefined {
  return skipsWithoutVectors(t) ? undefined : readdirSync(folder).filter((name) => name.endsWith(".json"));
}

function skipsWithoutVectors(t: TestContext): boolean {
  // oxlint-disable-next-line no-restricted-properties -- only the environment says whether this is a CI run
  if (existsSync(folder) || process.env["CI"] !== undefined) return false;
  t.skip("Wycheproof vectors are not beside this clone");
  return true;
}

const keys = new WeakMap<WycheproofVector["group"], KeyObject>();

/** The key of a vector's group, read once: PKCS #8 or SubjectPublicKeyInfo, as the field's name says. */
export function groupKey(group: WycheproofVector["group"], field: "privateKeyPkcs8" | "publicKeyDer"): KeyObject {
  const known = keys.get(group);
  if (known !== undefined) return known;
  const der = group[field];
  assert(typeof der === "string", `a group has no ${field}`);
  const bytes = Buffer.from(der, "hex");
  const key =
    field === "publicKeyDer"
      ? createPublicKey({ key: bytes, format: "der", type: "spki" })
      : createPrivateKey({ key: bytes, format: "der", type: "pkcs8" });
  keys.set(group, key);
  return key;
}
