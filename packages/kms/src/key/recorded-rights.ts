import { keyArn } from "../resource-name.ts";

/** An event, as far as it says which keys a call used. */
interface RecordedCall {
  readonly additionalEventData: Readonly<Record<string, unknown>>;
  readonly eventName: string;
  readonly serviceName: string;
  readonly userIdentity: { readonly accountId: string };
}

/** A right that a call asked for. */
interface AskedRight {
  readonly action: string;
  readonly resource: string;
}

/**
 * The rights on keys that a call asked for by the members with which its event names them. Where an account is shown another
 * one's call, these are the rights on that account's keys.
 *
 * @param event - of an operation that asks for the right of its own name on the key that it is about, or of ReEncrypt
 */
export function recordedRights(
  region: string,
  { additionalEventData: data, eventName, serviceName, userIdentity }: RecordedCall,
): readonly AskedRight[] {
  if (serviceName !== "Kms") return [];
  const isReEncrypt = eventName === "ReEncrypt";
  const rightOn = (keyId: unknown, owner: unknown, action: string): AskedRight[] => {
    if (typeof keyId !== "string") return [];
    const accountId = typeof owner === "string" ? owner : userIdentity.accountId;
    return [{ action: `kms:${action}`, resource: keyArn({ region, accountId }, keyId) }];
  };
  return [
    ...(isReEncrypt ? rightOn(data["sourceKeyId"], data["sourceKeyAccountId"], "ReEncryptFrom") : []),
    ...rightOn(data["keyId"], data["keyAccountId"], isReEncrypt ? "ReEncryptTo" : eventName),
  ];
}
