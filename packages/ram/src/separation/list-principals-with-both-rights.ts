import {
  type DeclaredOperation,
  defineOperation,
  invalidParameter,
  required,
  type RequestContext,
  storableText,
  TurnTaker,
} from "@cinnabar/kernel";
import type { PolicyPrincipal } from "@cinnabar/policy";
import { z } from "zod";
import { type AskedResource, findAskedResource, type FindRight } from "../access/asked-resource.ts";
import { ram } from "../api.ts";
import { pagingParameters, pagingResult, toPage, toPagingResult } from "../paging.ts";
import { onAccount } from "../resource-name.ts";
import { toHeldRightView } from "./both-rights.ts";
import { findHoldersOfBoth, type HolderOfBoth } from "./holders-of-both.ts";
import type { Probe } from "./key-rights.ts";

const MAX_ITEMS = 1_000;
const MAX_RESOURCE_CHARACTERS = 1024;
const KEY_ARN = /^acs:kms:[^:]*:[0-9]{16}:key\/(?<keyId>.+)$/;

const heldRightView = z.object({ Action: z.string(), Roles: z.object({ Role: z.array(z.string()) }) });

const principalView = z.object({
  Type: z.string(),
  Arn: z.string(),
  AccountId: z.string().optional(),
  Name: z.string(),
  NeedsOwnPolicies: z.boolean(),
  Using: heldRightView,
  Managing: heldRightView,
});

/**
 * ListPrincipalsWithBothRights, which the published API does not have: whom a separation of duties would not leave. It counts
 * as {@link SetSeparationOfDuties} does, whatever that is set to.
 */
export function listPrincipalsWithBothRights({ findRight }: { readonly findRight: FindRight }): DeclaredOperation {
  return defineOperation({
    ...ram,
    name: "ListPrincipalsWithBothRights",
    summary: "Lists who may both use a key and manage it, as the separation of duties counts it, and by which rights.",
    kind: "read",
    queue: "lookup",
    readWrite: "Read",
    parameters: {
      AuthResource: required({
        schema: storableText({ maxCharacters: MAX_RESOURCE_CHARACTERS }),
        description: "The key: its id, alias or ARN; or * for all keys that policies are about, made or not.",
      }),
      ...pagingParameters({ maxItems: MAX_ITEMS }),
    },
    result: z.object({
      AuthResource: z.string(),
      Principals: z.object({ Principal: z.array(principalView) }),
      ...pagingResult,
    }),
    recordedResult: ["IsTruncated"],
    errors: ["Forbidden.KeyNotFound", "Forbidden.AliasNotFound"],
    async target(context, { AuthResource }) {
      const asked = await findAskedResource(context, AuthResource, findRight);
      return { ...asked, probe: await probeOf(asked) };
    },
    access: (context, { toSee }) => [onAccount(context, "ram:ListPrincipalsWithBothRights"), ...toSee],
    async handle(context, { Marker, MaxItems }, { arn, probe }) {
      const place = { region: context.region, accountId: context.principal.accountId };
      const page = toPage({ Marker, MaxItems });
      const look = findHoldersOfBoth(context, { place, probe, page, turns: new TurnTaker() });
      // In a large account it may take longer than a call waits for its record.
      context.call.waiting?.busyUntil(look);
      const { items, next } = await look;
      return {
        result: {
          AuthResource: arn,
          Principals: { Principal: items.map((holder) => toPrincipalView(context, holder)) },
          ...toPagingResult({ next }),
        },
      };
    },
  });
}

/** @throws ApiError `InvalidParameter` for what is no key of the caller's account. */
async function probeOf(asked: AskedResource): Promise<Probe> {
  const { arn, isOwn } = asked;
  if (arn === "*") return "any key";
  const keyId = KEY_ARN.exec(arn)?.groups?.["keyId"];
  if (!isOwn || keyId === undefined || keyId === "*") {
    throw invalidParameter("AuthResource", "It must be a key of your account, or * for all of them.");
  }
  const { resourcePolicy: policy } = await asked.rightTo("kms:GetKeyPolicy");
  return { keyId, arn, policy };
}

const TYPES = {
  root: "Account",
  user: "SubUser",
  role: "Role",
  service: "Service",
  application: "Application",
  federated: "Federated",
} as const satisfies Readonly<Record<PolicyPrincipal["kind"], string>>;

function toPrincipalView(context: RequestContext, holder: HolderOfBoth): z.infer<typeof principalView> {
  const { principal, using, managing } = holder;
  const { kind, accountId, arn, name } = principal;
  return {
    Type: TYPES[kind],
    Arn: arn,
    ...(accountId !== "" && { AccountId: accountId }),
    Name: name,
    NeedsOwnPolicies: accountId !== "" && accountId !== context.principal.accountId,
    Using: toHeldRightView(using),
    Managing: toHeldRightView(managing),
  };
}
