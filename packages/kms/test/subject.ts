import { generateKeyPairSync, randomBytes } from "node:crypto";
import { type ImportWrapping, wrapForImport } from "@cinnabar/crypto";
import type { DeclaredOperation } from "@cinnabar/kernel";
import { defaultKeyPolicy } from "../src/policy/key-policy.ts";
import { RECEIVER } from "./receiver.ts";
import { REGION, type World } from "./world.ts";

/** How a key can stand: as its state says, where it waits for material also why. */
export const SUBJECT_STATES = [
  "Enabled",
  "Disabled",
  "PendingDeletion",
  "never imported",
  "expired",
  "expired while disabled",
] as const;
export type SubjectState = (typeof SUBJECT_STATES)[number];

type Wire = Readonly<Record<string, string>>;

interface KeyKind {
  readonly spec: string;
  readonly usage?: string;
  readonly isExternal?: boolean;
  /** What operations with such keys need beside. */
  readonly parameters?: Wire;
}

const SECOND_MILLIS = 1000;
const SYMMETRIC: KeyKind = { spec: "Aliyun_AES_256" };

/** Keys of operations that do nothing with a symmetric one, or nothing with one whose material is made here. */
const OTHER_KINDS: Readonly<Record<string, KeyKind>> = {
  ...forOperations(["AsymmetricEncrypt", "AsymmetricDecrypt", "ReEncrypt by SourceKeyId"], {
    spec: "RSA_2048",
    usage: "ENCRYPT/DECRYPT",
    parameters: { Algorithm: "RSAES_OAEP_SHA_256" },
  }),
  ...forOperations(["AsymmetricSign", "AsymmetricVerify", "GetPublicKey", "Sign", "Verify"], {
    spec: "EC_P256",
    parameters: { Algorithm: "ECDSA_SHA_256", Digest: Buffer.alloc(32).toString("base64"), Value: "AAAA" },
  }),
  ...forOperations(["GenerateMac", "VerifyMac", "Hmac"], {
    spec: "HMAC_SHA_256",
    parameters: { Algorithm: "HMAC_SHA_256", Message: "eA==", Mac: "AAAA" },
  }),
  ...forOperations(["GetParametersForImport", "ImportKeyMaterial", "DeleteKeyMaterial"], {
    spec: "Aliyun_AES_256",
    isExternal: true,
  }),
};

function forOperations(names: readonly string[], kind: KeyKind): Record<string, KeyKind> {
  return Object.fromEntries(names.map((name) => [name, kind]));
}

/** A pair of each spec that is imported, in PKCS #8. */
const PAIRS: Readonly<Record<string, Uint8Array>> = {
  RSA_2048: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "der" }),
  EC_P256: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "der" }),
};

/** A key with an alias and a ciphertext, for one operation. */
export interface Subject {
  readonly KeyId: string;
  readonly alias: string;
  /** Subjects of one kind stand for each other. */
  readonly kind: string;
  /** Good ones. */
  readonly parametersOf: (operation: DeclaredOperation) => Promise<Record<string, string>>;
}

/**
 * Which operations can share a subject.
 *
 * @param role - the parameter that names the key, where another one names another key.
 */
export function kindFor(operation: DeclaredOperation, role?: string): string {
  const { spec, usage = "", isExternal = false } = keyKindFor(operation, role);
  return `${spec} ${usage} ${isExternal}`;
}

function keyKindFor({ name }: DeclaredOperation, role: string | undefined): KeyKind {
  return OTHER_KINDS[`${name} by ${role}`] ?? OTHER_KINDS[name] ?? SYMMETRIC;
}

/** @param role - as of {@link kindFor}. */
export async function newSubject(
  world: World,
  operation: DeclaredOperation,
  state: SubjectState = "Enabled",
  role?: string,
): Promise<Subject> {
  const kind = keyKindFor(operation, role);
  const hasExpired = state === "expired" || state === "expired while disabled";
  const isExternal = kind.isExternal === true || state === "never imported" || hasExpired;
  const KeyId = await world.createKey({
    KeySpec: kind.spec,
    ...(kind.usage !== undefined && { KeyUsage: kind.usage }),
    ...(isExternal && { Origin: "EXTERNAL" }),
  });
  const alias = `alias/${KeyId}`;
  await world.ok("CreateAlias", { AliasName: alias, KeyId });
  const pair = PAIRS[kind.spec];
  const imported = pair ?? randomBytes(32);
  const expiresAt = hasExpired ? Math.floor(world.now / SECOND_MILLIS) + 1 : 0;
  if (isExternal && state !== "never imported") {
    const wrapped = await wrap(world, { KeyId, material: imported, isPair: pair !== undefined });
    await world.ok("ImportKeyMaterial", { KeyId, ...wrapped, KeyMaterialExpireUnix: String(expiresAt) });
  }
  const KeyVersionId = await firstVersion(world, KeyId);
  const CiphertextBlob = await encrypt(world, { KeyId, KeyVersionId, kind, state });
  if (state === "Disabled" || state === "expired while disabled") await world.ok("DisableKey", { KeyId });
  if (state === "PendingDeletion") await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
  if (hasExpired) world.now = expiresAt * SECOND_MILLIS;

  return {
    KeyId,
    alias,
    kind: kindFor(operation, role),
    parametersOf: async ({ name }) => {
      return {
        KeyId,
        Plaintext: "eA==",
        CiphertextBlob,
        PendingWindowInDays: "7",
        KeyVersionId,
        EnableAutomaticRotation: "true",
        RotationInterval: "30d",
        AliasName: name === "DeleteAlias" || name === "UpdateAlias" ? alias : `alias/new-${KeyId}`,
        DestinationKeyId: KeyId,
        EnableDeletionProtection: "true",
        Description: "a description",
        Tags: '[{"TagKey":"k","TagValue":"v"}]',
        Policy: defaultKeyPolicy(world.accountId),
        TagKeys: '["k"]',
        RegionId: REGION,
        ResourceType: "key",
        "ResourceId.1": KeyId,
        "Tag.1.Key": "k",
        "TagKey.1": "k",
        ...RECEIVER.parameters,
        ...(name === "CreateKey" && { KeySpec: "Aliyun_AES_256" }),
        ...(/^Generate.*DataKey/.test(name) && { KeySpec: "AES_256" }),
        ...(name === "GetParametersForImport" && WRAPPED_RAW),
        ...(name === "ImportKeyMaterial" && (await wrap(world, { KeyId, material: imported, isPair: false }))),
        ...kind.parameters,
      };
    },
  };
}

async function firstVersion(world: World, KeyId: string): Promise<string> {
  const { KeyVersions } = await world.ok<{ KeyVersions: { KeyVersion: { KeyVersionId: string }[] } }>(
    "ListKeyVersions",
    { KeyId },
  );
  return KeyVersions.KeyVersion[0]?.KeyVersionId ?? "";
}

interface Named {
  readonly KeyId: string;
  readonly KeyVersionId: string;
  readonly kind: KeyKind;
  readonly state: SubjectState;
}

/** A ciphertext of the key, or what looks like one where the key never could encrypt. */
async function encrypt(world: World, { KeyId, KeyVersionId, kind, state }: Named): Promise<string> {
  if (kind.spec === SYMMETRIC.spec) {
    if (state !== "never imported") return world.encrypt({ KeyId, Plaintext: "eA==" });
    return Buffer.concat([Buffer.from(KeyVersionId), randomBytes(76)]).toString("base64");
  }
  if (kind.spec !== "RSA_2048") return "";
  if (state === "never imported") return randomBytes(256).toString("base64");
  const parameters = { KeyId, KeyVersionId, Algorithm: "RSAES_OAEP_SHA_256", Plaintext: "eA==" };
  return (await world.ok<{ CiphertextBlob: string }>("AsymmetricEncrypt", parameters)).CiphertextBlob;
}

/** Pairs of SM2 are made much faster than those of RSA. */
const WRAPPED_RAW = { WrappingAlgorithm: "SM2PKE", WrappingKeySpec: "EC_SM2" } as const;
const WRAPPED_PAIR = {
  WrappingAlgorithm: "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD",
  WrappingKeySpec: "RSA_2048",
} as const;

async function wrap(
  world: World,
  { KeyId, material, isPair }: { readonly KeyId: string; readonly material: Uint8Array; readonly isPair: boolean },
): Promise<Wire> {
  const how = isPair ? WRAPPED_PAIR : WRAPPED_RAW;
  const { PublicKey, ImportToken } = await world.ok<{ PublicKey: string; ImportToken: string }>(
    "GetParametersForImport",
    { KeyId, ...how },
  );
  const wrapping: ImportWrapping = how.WrappingAlgorithm;
  const wrapped = wrapForImport({ wrapping, wrappingKey: Buffer.from(PublicKey, "base64"), material });
  return { EncryptedKeyMaterial: wrapped.toString("base64"), ImportToken };
}
