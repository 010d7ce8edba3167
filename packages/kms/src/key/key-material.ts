import { keyMaterialIdentity, parseId, underAccountKey } from "@cinnabar/kernel";
import { keyKind } from "./key-repository.ts";
import { keyVersionTable, toIdentity } from "./key-row.ts";

/** The material of key versions, for whoever rotates account keys. */
export const keyMaterial = underAccountKey({
  table: keyVersionTable,
  column: "material",
  versionColumn: "account_key_version",
  read: (row) => ({
    wrapped: row.material,
    version: row.account_key_version,
    identity: keyMaterialIdentity(toIdentity(row)),
  }),
  replace: (row, { wrapped, version }) => ({ ...row, material: wrapped, account_key_version: version }),
  touches: ({ key_id: keyId }) => [{ kind: keyKind, id: parseId("Key", keyId) }],
});
