import {
  type KeyMaterial,
  type KeyVersionId,
  type KeyVersionIdentity,
  newKeyVersionIdOf,
  type NewKeyVersion,
  OncePerCall,
  proceed,
  type RequestContext,
} from "@cinnabar/kernel";

/** Material that was made for a further version of a key. */
export interface GeneratedVersion {
  readonly versionId: KeyVersionId;
  readonly made: KeyMaterial;
}

const generated = new OncePerCall<GeneratedVersion>();

/**
 * The material of a further version of a key, made once for a call, which is evaluated before the epoch's lock and again under
 * it: a pair of RSA keys takes long to make, and must be there by then. It is made again, outside of the lock, if meanwhile the
 * call is about another key, or the account has another key that wraps.
 *
 * @throws TooBusyError as the keystore.
 */
export function generateOnce(
  context: Pick<RequestContext, "call" | "allowsWork" | "custody">,
  {
    accountKey,
    ...fixed
  }: Omit<KeyVersionIdentity, "versionId"> & {
    readonly accountKey: { readonly version: number; readonly key: NewKeyVersion["accountKey"] };
  },
): GeneratedVersion | Promise<GeneratedVersion> {
  const { keyId } = fixed;
  return generated.run(context, `${keyId} ${accountKey.version}`, () => {
    const versionId = newKeyVersionIdOf(keyId);
    const identity = { ...fixed, versionId };
    const made = context.custody.keystore.generate({ identity, accountKey: accountKey.key });
    return proceed(made, (material) => ({ versionId, made: material }));
  });
}
