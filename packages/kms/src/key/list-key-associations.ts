import {
  type Authorizer,
  type DeclaredOperation,
  defineOperation,
  isAllowed,
  type RequestContext,
  required,
  TurnTaker,
} from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, kms } from "../api.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { findKey, onKey } from "./find-key.ts";
import { keyReference } from "./key-reference.ts";
import type { KeyUsageSource, UsageResource, UsageTally } from "./key-usage.ts";

/** How long ago the last use may be (Alibaba Cloud KMS, "Key association"). */
const ASSOCIATED_MILLIS = 365 * 24 * 60 * 60 * 1000;
const MAX_PAGE_SIZE = 100;
const DEFAULT_PAGE_SIZE = 20;
/** Rights that are decided between two turns of the event loop. */
const TURN_RIGHTS = 32;
/** `acs:<product>:<region>:<account>:<resource>`. */
const RESOURCE_ARN = /^acs:([A-Za-z0-9-]+):[^:]*:([0-9]+):/;

const association = { LastDate: z.string() };

/**
 * ListKeyAssociations: the console's task that checks the same is not published with its parameters. What it shows is what
 * really used the key, by the audit log, and of resources only those that the caller may read.
 */
export function listKeyAssociations({
  usage,
  authorizer,
}: {
  readonly usage: KeyUsageSource;
  readonly authorizer: Authorizer;
}): DeclaredOperation {
  return defineOperation({
    ...kms,
    name: "ListKeyAssociations",
    summary: "Lists the services and the resources that used a key within 365 days, the latest first.",
    kind: "read",
    queue: "lookup",
    readWrite: "Read",
    parameters: {
      KeyId: required({ schema: keyReference, description: "The key's id, an alias of it, or the ARN of either." }),
      ...pageParameters({ minSize: 1, maxSize: MAX_PAGE_SIZE, defaultSize: DEFAULT_PAGE_SIZE }),
    },
    result: z.object({
      KeyId: z.string(),
      AsOf: z.string(),
      Services: z.object({ Service: z.array(z.object({ ServiceName: z.string(), ...association })) }),
      Resources: z.object({
        Resource: z.array(z.object({ ResourceArn: z.string(), ServiceName: z.string(), ...association })),
      }),
      HiddenCount: z.int(),
      IsTruncated: z.boolean(),
      PageNumber: z.int(),
      PageSize: z.int(),
      TotalCount: z.int(),
    }),
    recordedResult: ["HiddenCount", "TotalCount"],
    errors: ["Forbidden.KeyNotFound", "Forbidden.AliasNotFound"],
    target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: true }),
    access: (context, target) => [onKey(context, "kms:ListKeyAssociations", target)],
    async handle(context, parameters, { key }) {
      const { number, size } = toPage(parameters, DEFAULT_PAGE_SIZE);
      const since = context.now - ASSOCIATED_MILLIS;
      const { services, resources, otherResources } = await usage.read(context, key);
      const used = resources.flatMap((resource) => ifUsed(resource, resource, since)).toSorted(byLastUse);
      const shown = await readable(context, used, authorizer);
      return {
        result: {
          KeyId: key.id,
          AsOf: formatInstant(context.now),
          Services: {
            Service: [...services]
              .flatMap(([service, tally]) => ifUsed({ service, arn: "" }, tally, since))
              .toSorted(byLastUse)
              .map(({ service: ServiceName, lastAt }) => ({ ServiceName, LastDate: formatInstant(lastAt) })),
          },
          Resources: {
            Resource: shown
              .slice((number - 1) * size, number * size)
              .map(({ arn: ResourceArn, service: ServiceName, lastAt }) => ({
                ResourceArn,
                ServiceName,
                LastDate: formatInstant(lastAt),
              })),
          },
          HiddenCount: used.length - shown.length,
          IsTruncated: (otherResources.uses?.lastAt ?? -Infinity) >= since,
          PageNumber: number,
          PageSize: size,
          TotalCount: shown.length,
        },
      };
    },
  });
}

type Named = Pick<UsageResource, "service" | "arn">;
type Used = Named & { readonly lastAt: number };

function ifUsed({ service, arn }: Named, { uses }: UsageTally, since: number): readonly Used[] {
  return uses === undefined || uses.lastAt < since ? [] : [{ service, arn, lastAt: uses.lastAt }];
}

/** The rest by names, so that pages do not overlap. */
function byLastUse(one: Used, other: Used): number {
  if (one.lastAt !== other.lastAt) return other.lastAt - one.lastAt;
  const [name, otherName] = [`${one.service} ${one.arn}`, `${other.service} ${other.arn}`];
  return name < otherName ? -1 : Number(name > otherName);
}

/** Those of the caller's own account on which it has the right `<product>:GetResource`. */
async function readable(
  context: RequestContext,
  resources: readonly Used[],
  authorizer: Authorizer,
): Promise<readonly Used[]> {
  const { accountId } = context.principal;
  const turns = new TurnTaker();
  const shown: Used[] = [];
  for (const [index, used] of resources.entries()) {
    if (index % TURN_RIGHTS === 0) await turns.give();
    const [, product, owner] = RESOURCE_ARN.exec(used.arn) ?? [];
    if (product === undefined || owner !== accountId) continue;
    const right = {
      action: `${product}:GetResource`,
      resource: used.arn,
      accountId,
      hiddenAs: "Forbidden.KeyNotFound",
    } as const;
    if (await isAllowed(context, right, authorizer)) shown.push(used);
  }
  return shown;
}
