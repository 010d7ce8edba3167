import { keyArn } from "../resource-name.ts";

/** An event, as far as it says which keys a call used. */
interface RecordedCall {
  readonly additionalEventData: Readonly<Record<string, unknown>>;
  readonly eventName: string;
  readonly requestParameters: Readonly<Record<string, unknown>>;
  readonly serviceName: string;
  readonly userIdentity: { readonly accountId: string; readonly type: string };
}

/** A right that a call asked for. */
interface AskedRight {
  readonly action: string;
  readonly resource: string;
  /** Whether the event does not say that the call asked for it, nor that it did not. */
  readonly isPerhaps?: boolean;
}

/**
 * The action of each operation of the instance protocol that is about a key, by which applications alone call. Who chooses the
 * IV to encrypt with asks for the right to decrypt as well.
 */
const ACTIONS_OF_APPLICATIONS: Readonly<Record<string, string>> = {
  Encrypt: "Encrypt",
  AdvanceEncrypt: "Encrypt",
  Decrypt: "Decrypt",
  AdvanceDecrypt: "Decrypt",
  GenerateDataKey: "GenerateDataKey",
  AdvanceGenerateDataKey: "GenerateDataKey",
  GenerateDataKeyPair: "GenerateDataKey",
  GenerateDataKeyPairWithoutPlaintext: "GenerateDataKey",
  AdvanceGenerateDataKeyPair: "GenerateDataKey",
  AdvanceGenerateDataKeyPairWithoutPlaintext: "GenerateDataKey",
  Sign: "AsymmetricSign",
  Verify: "AsymmetricVerify",
  Hmac: "GenerateMac",
  GetPublicKey: "GetPublicKey",
};

/**
 * The rights on keys that a call asked for by the members with which its event names them. Where an account is shown another
 * one's call, these are the rights on that account's keys.
 *
 * @param event - of an operation of the API that asks for the right of its own name on the key that it is about, of ReEncrypt,
 *   or of an application's call
 */
export function recordedRights(
  region: string,
  { additionalEventData: data, eventName, requestParameters, serviceName, userIdentity }: RecordedCall,
): readonly AskedRight[] {
  if (serviceName !== "Kms") return [];
  const isReEncrypt = eventName === "ReEncrypt";
  const rightOn = (keyId: unknown, owner: unknown, action: string): AskedRight[] => {
    if (typeof keyId !== "string") return [];
    const accountId = typeof owner === "string" ? owner : userIdentity.accountId;
    return [{ action: `kms:${action}`, resource: keyArn({ region, accountId }, keyId) }];
  };
  if (userIdentity.type === "application") {
    const action = ACTIONS_OF_APPLICATIONS[eventName];
    if (action === undefined) return [];
    const asked = rightOn(data["keyId"], data["keyAccountId"], action);
    // The account of a key is not shown the parameters of another account's call.
    const isPerhaps = eventName === "Encrypt" && requestParameters["KeyId"] === undefined;
    if (requestParameters["Iv"] === undefined && !isPerhaps) return asked;
    const further = rightOn(data["keyId"], data["keyAccountId"], "Decrypt");
    return [...asked, ...further.map((right) => (isPerhaps ? { ...right, isPerhaps } : right))];
  }
  return [
    ...(isReEncrypt ? rightOn(data["sourceKeyId"], data["sourceKeyAccountId"], "ReEncryptFrom") : []),
    ...rightOn(data["keyId"], data["keyAccountId"], isReEncrypt ? "ReEncryptTo" : eventName),
  ];
}
