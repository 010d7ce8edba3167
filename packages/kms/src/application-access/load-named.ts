import { ApiError, ERRORS, type RequestContext } from "@cinnabar/kernel";
import type { AccessReference } from "./access-row.ts";
import type { NamedEntities } from "./named-entities.ts";

/**
 * What a call names of the caller's account's.
 *
 * @param named.among - of what kind it is.
 * @param named.noun - what messages call that.
 * @throws ApiError `Forbidden.ResourceNotFound` if one of the names is nobody's there.
 */
export async function loadNamed(
  context: RequestContext,
  named: {
    readonly among: Pick<NamedEntities<AccessReference>, "find">;
    readonly noun: string;
    readonly names: readonly string[];
  },
): Promise<readonly AccessReference[]> {
  const { accountId } = context.principal;
  const found: AccessReference[] = [];
  for (const name of named.names) {
    const entity = await named.among.find(context, { accountId, name });
    if (entity === undefined) {
      const code = "Forbidden.ResourceNotFound";
      throw new ApiError(code, `${ERRORS[code].message} There is no ${named.noun} ${name}.`);
    }
    found.push(entity);
  }
  return found;
}
