import {
  createPublicKey,
  createSecretKey,
  decapsulate,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

import { AuthenticationError, deriveKey, SecretBytes, unwrapKey, wrapKey } from "@cinnabar/crypto";

import type { ControlTransaction } from "../store/control.ts";
import type { EntityReader } from "../store/entity-cache.ts";
import { ProtectedTable, type RowOf } from "../store/protected-table.ts";
import { TamperedRowError } from "../store/row-guard.ts";
import { assertRootKey } from "./account-keys.ts";
import type { AccountKeyWrap } from "./deployment-keys.ts";

/** FIPS 203: what is handed over stays hidden from whoever keeps a copy until there are quantum computers. */
const KEM = "ml-kem-768";
const KEM_CIPHERTEXT_BYTES = 1088;
const LABEL = "cinnabar node key v1: account key wrap";

const columns = {
  shard: "integer",
  /** SubjectPublicKeyInfo in DER of the process that has the shard open. */
  public_key: "bytes",
  /** Check value of the root key whose wrapping key is handed over; null if none is. */
  root_key: "text?",
  handover: "bytes?",
} as const;

/** One row for each shard: how the process that writes it is told of another root key. */
export const nodeKeyTable = new ProtectedTable("node_key", { columns, identity: ["shard"] });

type NodeKeySchema = { node_key: RowOf<typeof columns> };

/**
 * The key pair of one process, made at its start and nowhere but in its memory. Under it whoever rotates the root key
 * hands the new wrapping key over, so that nodes go on: what stands in the database is of use to no other process, be
 * it that it has the old root key, and to none once this one has ended.
 */
export class NodeKey {
  readonly #privateKey: KeyObject;
  readonly #publicKey: Buffer;
  readonly #wrap: AccountKeyWrap;

  /** @param wrap - what the process has to begin with. */
  constructor(wrap: AccountKeyWrap) {
    this.#wrap = wrap;
    const { privateKey, publicKey } = generateKeyPairSync(KEM);
    this.#privateKey = privateKey;
    this.#publicKey = publicKey.export({ format: "der", type: "spki" });
  }

  /**
   * Makes it the shard's, in the transaction that opens the shard: every later root key is handed over.
   *
   * @throws RootKeyRotatedError if there is one already that the process does not have.
   */
  async register(transaction: ControlTransaction, shard: number): Promise<void> {
    await assertRootKey(transaction, this.#wrap);
    const { guard, db } = transaction;
    const row = { shard, public_key: this.#publicKey, root_key: null, handover: null };
    const raw = await selectNodeKey(transaction, shard);
    const change =
      raw === undefined
        ? nodeKeyTable.insert(guard, db, row)
        : nodeKeyTable.update(guard, db, nodeKeyTable.verify(guard, raw, { shard }), row);
    await transaction.write(change);
  }

  /**
   * What has been handed over to this process, if anything.
   *
   * @throws {@link TamperedRowError} if it is for another process, or was altered.
   */
  async receive(
    reader: EntityReader,
    { shard, origin }: { readonly shard: number; readonly origin: string },
  ): Promise<AccountKeyWrap | undefined> {
    const raw = await selectNodeKey(reader, shard);
    if (raw === undefined) return undefined;
    const { root_key: rootKey, handover } = nodeKeyTable.verify(reader.guard, raw, { shard }).row;
    if (rootKey === null || handover === null) return undefined;
    try {
      using shared = new SecretBytes(
        Buffer.from(decapsulate(this.#privateKey, handover.subarray(0, KEM_CIPHERTEXT_BYTES))),
      );
      using material = new SecretBytes(
        unwrapKey({
          wrappingKey: wrappingKeyOf(shared.bytes),
          wrapped: handover.subarray(KEM_CIPHERTEXT_BYTES),
          identity: identity({ origin, shard, rootKey }),
        }),
      );
      return { rootKey, key: createSecretKey(material.bytes) };
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      throw new TamperedRowError(nodeKeyTable.name, "what was handed over does not open");
    }
  }
}

/** Hands a new root key's wrapping key over to every process that has a shard open. @returns how many these are. */
export async function handOver(
  transaction: ControlTransaction,
  { origin, wrap }: { readonly origin: string; readonly wrap: AccountKeyWrap },
): Promise<number> {
  const { guard, db, kernel } = transaction;
  const open = await kernel.selectFrom("shard").select("id").where("closed", "=", 0).orderBy("id").execute();
  let count = 0;
  for (const { id: shard } of open) {
    const raw = await selectNodeKey(transaction, shard);
    // Its process began before there were node keys, and has ended: one that runs has the schema that it began with.
    if (raw === undefined) continue;
    const stored = nodeKeyTable.verify(guard, raw, { shard });
    const { sharedKey, ciphertext } = encapsulate(
      createPublicKey({ key: Buffer.from(stored.row.public_key), format: "der", type: "spki" }),
    );
    using shared = new SecretBytes(Buffer.from(sharedKey));
    using material = new SecretBytes(wrap.key.export());
    const wrapped = wrapKey({
      wrappingKey: wrappingKeyOf(shared.bytes),
      material: material.bytes,
      identity: identity({ origin, shard, rootKey: wrap.rootKey }),
    });
    const handover = Buffer.concat([Buffer.from(ciphertext), wrapped]);
    await transaction.write(
      nodeKeyTable.update(guard, db, stored, { ...stored.row, root_key: wrap.rootKey, handover }),
    );
    count++;
  }
  return count;
}

function selectNodeKey({ db }: EntityReader, shard: number): Promise<object | undefined> {
  return db
    .$extendTables<NodeKeySchema>()
    .selectFrom("node_key")
    .selectAll()
    .where("shard", "=", shard)
    .executeTakeFirst();
}

function wrappingKeyOf(shared: Uint8Array): KeyObject {
  return deriveKey({ key: createSecretKey(shared), label: LABEL });
}

function identity({ origin, shard, rootKey }: { origin: string; shard: number; rootKey: string }): string[] {
  return ["account key wrap", origin, String(shard), rootKey];
}
