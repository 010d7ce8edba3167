import { type Authenticator, type PresentedKey, proceed, type Store } from "@cinnabar/kernel";
import { ClientKeyFinder } from "@cinnabar/kms";
import { accountKind, createAuthenticator } from "@cinnabar/ram";

/** Finds callers: by client keys in the instance protocol, and in every other one by AccessKeys. */
export function authenticatorOf({ keys, region }: Pick<Store, "keys" | "region">): Authenticator {
  const accessKeys = createAuthenticator(keys);
  const clientKeys = new ClientKeyFinder({ keys, region });
  return {
    isIssued: (presented) =>
      isClientKey(presented) ? clientKeys.isIssued(presented.accessKeyId) : accessKeys.isIssued(presented),

    find(finder, presented) {
      if (!isClientKey(presented)) return accessKeys.find(finder, presented);
      return proceed(clientKeys.find(finder, presented.accessKeyId), (found) => {
        if (found === undefined) return undefined;
        return proceed(finder.find(accountKind, found.principal.accountId), (account) => {
          if (account === undefined) return undefined;
          return account.isEnabled ? found : { ...found, refusedAs: "InvalidAccessKeyId.Inactive" as const };
        });
      });
    },
  };
}

function isClientKey({ protocol }: PresentedKey): boolean {
  return protocol === "RSA_PKCS1_SHA_256";
}
