import { randomBytes } from "node:crypto";
import { AuthenticationError, TURN_BYTES } from "@cinnabar/crypto";
import {
  ApiError,
  attempt,
  ERRORS,
  invalidParameter,
  type IvSource,
  type KeySpec,
  OncePerCall,
  optional,
  proceed,
  type RequestContext,
  TamperedRowError,
} from "@cinnabar/kernel";
import { findAccountKeys } from "../cryptography/account-keys.ts";
import type { KeyVersion } from "../key/key-version.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { countMessage } from "../version/count-message.ts";
import { MAX_FIELD_BYTES } from "./instance-api.ts";
import { takeText } from "./to-text.ts";

export const GCM_IV_BYTES = 12;
export const GCM_TAG_BYTES = 16;

/**
 * Most bytes that SM4_GCM takes, of what is encrypted and Aad together: OpenSSL has no such GCM, so that a megabyte would keep
 * the event loop for a tenth of a second. So many take a few milliseconds.
 */
const MAX_SM4_BYTES = 32 * 1024;

/** Additional authenticated data, which may be anything, such as a name: the record has its digest. */
export const aad = optional({
  schema: base64Bytes({ max: MAX_FIELD_BYTES }),
  audit: "digest",
  description: "Data that is authenticated with the ciphertext and not stored: without it nothing decrypts.",
});

const longSealing = new OncePerCall<SealedGcm>();
const longOpening = new OncePerCall<string>();

/** What {@link sealGcm} gives. */
export interface SealedGcm {
  readonly iv: Uint8Array;
  /** Ciphertext ‖ 16-byte tag. */
  readonly box: Uint8Array;
}

/** How symmetric keys of a spec encrypt. */
export function gcmAlgorithm(spec: KeySpec): "AES_GCM" | "SM4_GCM" {
  return spec === "Aliyun_SM4" ? "SM4_GCM" : "AES_GCM";
}

/** @throws ApiError `UnsupportedOperation` for another algorithm than GCM of the key's cipher. */
export function assertGcm(spec: KeySpec, algorithm: string | undefined): void {
  if (algorithm === undefined || algorithm === gcmAlgorithm(spec)) return;
  const advice = `A key of the spec ${spec} encrypts by ${gcmAlgorithm(spec)}.`;
  throw new ApiError("UnsupportedOperation", `${ERRORS.UnsupportedOperation.message} ${advice}`);
}

/**
 * Encrypts under a version of a symmetric key, by GCM with an IV of 12 bytes.
 *
 * @param input.iv - the caller's own, who must never use it twice: those have a key of their own. Left out, a random one, and
 *   the message is counted.
 * @throws {@link ApiError} `Rejected.LimitExceeded` where 2^32 messages were encrypted with random IVs; `InvalidParameter` for
 *   more than SM4_GCM takes.
 */
export function sealGcm(
  context: RequestContext,
  version: KeyVersion,
  input: { readonly plaintext: Uint8Array; readonly aad: Uint8Array | undefined; readonly iv?: Uint8Array | undefined },
): SealedGcm | Promise<SealedGcm> {
  const { versionId, accountId, spec } = version.identity;
  const { plaintext, aad: data = NOTHING, iv = randomBytes(GCM_IV_BYTES) } = input;
  assertNotTooLong(spec, { name: "Plaintext", bytes: plaintext.length }, data);
  if (input.iv === undefined) countMessage(context, versionId);
  const ivSource = input.iv === undefined ? "random" : "caller";
  return proceed(findAccountKeys(context, accountId), (accountKeys) => {
    const stored = version.storedUnder(accountKeys);
    const seal = (): SealedGcm | Promise<SealedGcm> => {
      const sealed = attempt(
        () => context.custody.keystore.sealGcm(stored, { iv, ivSource, plaintext, aad: data }),
        (error): never => {
          if (!(error instanceof AuthenticationError)) throw error;
          throw new TamperedRowError("key_version", "the material of a key version does not open");
        },
      );
      return proceed(sealed, (box) => ({ iv, box }));
    };
    // What takes several turns of the event loop is done once for the call, and not under the epoch's lock.
    return plaintext.length > TURN_BYTES ? longSealing.run(context, versionId, seal) : seal();
  });
}

/**
 * Opens what {@link sealGcm} gave: the plaintext in base64, whose bytes are cleared.
 *
 * @param sealed.ivSource - who chose the IV; left out where nothing tells, and then it may be either.
 * @throws {@link ApiError} `InvalidParameter` if it was not sealed so: nobody learns what is wrong.
 */
export function openGcm(
  context: RequestContext,
  version: KeyVersion,
  sealed: SealedGcm & { readonly aad: Uint8Array | undefined; readonly ivSource: IvSource | undefined },
): string | Promise<string> {
  const { iv, box, aad: data = NOTHING, ivSource } = sealed;
  const { versionId, accountId, spec } = version.identity;
  assertNotTooLong(spec, { name: "CiphertextBlob", bytes: box.length - GCM_TAG_BYTES }, data);
  return proceed(findAccountKeys(context, accountId), (accountKeys) => {
    const stored = version.storedUnder(accountKeys);
    const openAs = (source: IvSource) =>
      context.custody.keystore.openGcm(stored, { iv, ivSource: source, box, aad: data });
    const refuse = (error: unknown): never => {
      if (!(error instanceof AuthenticationError)) throw error;
      throw invalidParameter("CiphertextBlob", "It was not encrypted so: with this key version, Iv and Aad.");
    };
    const openAny = (): Uint8Array | Promise<Uint8Array> =>
      attempt(
        () => openAs("random"),
        (error) => {
          if (!(error instanceof AuthenticationError)) throw error;
          return attempt(() => openAs("caller"), refuse);
        },
      );
    const open = () => proceed(ivSource === undefined ? openAny() : attempt(() => openAs(ivSource), refuse), takeText);
    return box.length > TURN_BYTES ? longOpening.run(context, versionId, open) : open();
  });
}

function assertNotTooLong(
  spec: KeySpec,
  { name, bytes }: { readonly name: string; readonly bytes: number },
  data: Uint8Array,
): void {
  if (spec !== "Aliyun_SM4" || bytes + data.length <= MAX_SM4_BYTES) return;
  throw invalidParameter(
    bytes < data.length ? "Aad" : name,
    `A key of the spec ${spec} encrypts at most ${MAX_SM4_BYTES} bytes, Aad included. Encrypt more under a data key.`,
  );
}

const NOTHING = Buffer.alloc(0);
