import type { CinnabarClient } from "@cinnabar/client";
import type { Access, Accessor } from "./access.ts";
import { ACCESS_GIVING_ACTIONS, ESCALATING_ACTIONS } from "./key-actions.ts";
import { readAccess } from "./read-access.ts";

/** The region and the account in an ARN. */
const PLACE = /^acs:[^:]*:(?<region>[^:]*):(?<accountId>[0-9]{16}):/;

/**
 * Who may do any of the actions to the resource, who may give applications access to it, and who may give itself rights: to
 * all users, groups, roles or policies of the resource's account.
 */
export async function readAccessToAll(
  client: CinnabarClient,
  asked: { readonly actions: readonly string[]; readonly resource: string },
): Promise<Access> {
  const access = await readAccess(client, asked);
  const { region, accountId } = PLACE.exec(access.resource)?.groups ?? {};
  const all = [access];
  if (accountId !== undefined) {
    for (const [type, actions] of Object.entries(ESCALATING_ACTIONS)) {
      all.push(await readAccess(client, { actions, resource: `acs:ram::${accountId}:${type}/*` }));
    }
    for (const [type, actions] of Object.entries(ACCESS_GIVING_ACTIONS)) {
      all.push(await readAccess(client, { actions, resource: `acs:kms:${region}:${accountId}:${type}/*` }));
    }
  }
  return {
    resource: access.resource,
    principals: merge(all.flatMap(({ principals }) => principals)),
    assumers: Object.fromEntries(all.flatMap(({ assumers }) => Object.entries(assumers))),
  };
}

/** Everybody once, with all that it may do. */
function merge(accessors: readonly Accessor[]): readonly Accessor[] {
  return [...Map.groupBy(accessors, ({ arn }) => arn).values()].flatMap(([first, ...rest]) =>
    first === undefined ? [] : [{ ...first, actions: [first, ...rest].flatMap(({ actions }) => actions) }],
  );
}
