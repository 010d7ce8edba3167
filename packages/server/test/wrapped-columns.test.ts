import assert from "node:assert/strict";
import { test } from "node:test";

import { accountKeyUses, protectedTables } from "../src/tables.ts";

/** Columns of bytes that no account key wraps, and why not. */
const OTHERS: Readonly<Record<string, string>> = {
  "deployment.wrapped_signing_key": "under the root key, whose rotation wraps it anew",
  "deployment.wrapped_keys": "under the root key, whose rotation wraps it anew",
  "account_key.wrapped": "under the root key, whose rotation wraps it anew",
  "node_key.public_key": "public",
  "key_version.public_key": "public",
  "client_key.certificate": "public",
  "key_version.material_digest": "a keyed digest, from which the material cannot be found",
  "node_key.handover": "for the process whose public key it is, and of no use after it",
};

test("every column of bytes of a protected table says under which key it is wrapped", () => {
  const columns = protectedTables.flatMap(({ name, bytesColumns }) =>
    bytesColumns.map((column) => `${name}.${column}`),
  );
  const declared = accountKeyUses.map(({ table, column }) => `${table}.${column}`);
  assert.deepEqual(columns.toSorted(), [...declared, ...Object.keys(OTHERS)].toSorted());
  assert.equal(new Set(columns).size, columns.length);
});
