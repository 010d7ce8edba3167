import { type DeclaredOperation, defineOperation, requiredList, TurnTaker } from "@cinnabar/kernel";
import { describePrincipal } from "@cinnabar/policy";
import { z } from "zod";
import { ram } from "../api.ts";
import { pagingParameters, pagingResult, toPage, toPaged, toPagingResult } from "../paging.ts";
import { onAccount } from "../resource-name.ts";
import { type Accessor, type AllowedAction, findAccessors } from "./accessors.ts";
import { assertOwn, authResource, findAskedResource } from "./asked-resource.ts";
import { authAction } from "./auth-action.ts";
import { statementView, toStatementView } from "./explanation-view.ts";
import type { AccessParts } from "./get-access-explanation.ts";

const MAX_ACTIONS = 32;
const MAX_ITEMS = 1_000;
/** Statements that are told of one action of one principal. */
const MAX_STATEMENTS = 10;

const actionView = z.object({
  Name: z.string(),
  Certainty: z.string(),
  Statements: z.object({ Statement: z.array(z.object(statementView)) }),
  Except: z.object({ Principal: z.array(z.object({ Arn: z.string(), Certainty: z.string() })) }).optional(),
});

const principalView = z.object({
  Type: z.string(),
  Arn: z.string(),
  AccountId: z.string().optional(),
  Name: z.string(),
  NeedsOwnPolicies: z.boolean(),
  Groups: z.object({ Group: z.array(z.string()) }),
  Actions: z.object({ Action: z.array(actionView) }),
});

/**
 * ListPrincipalsForAction, which the published API does not have: the reverse of a decision. Of each principal that it tells,
 * and of each that it leaves out, a call shows the same.
 */
export function listPrincipalsForAction({ findRight, applications }: AccessParts): DeclaredOperation {
  return defineOperation({
    ...ram,
    name: "ListPrincipalsForAction",
    summary:
      "Lists who may do any of some actions to a resource: the root, users, roles, applications, and those of elsewhere.",
    kind: "read",
    queue: "lookup",
    readWrite: "Read",
    parameters: {
      AuthAction: requiredList({
        schema: z
          .array(authAction)
          .min(1, "There must be at least one action.")
          .max(MAX_ACTIONS, `There must be at most ${MAX_ACTIONS} actions.`),
        description: `What somebody would do, such as kms:Decrypt; at most ${MAX_ACTIONS}.`,
      }),
      AuthResource: authResource,
      ...pagingParameters({ maxItems: MAX_ITEMS }),
    },
    result: z.object({
      AuthResource: z.string(),
      Principals: z.object({ Principal: z.array(principalView) }),
      ...pagingResult,
    }),
    recordedResult: ["IsTruncated"],
    errors: ["EntityNotExist.Role", "Forbidden.KeyNotFound", "Forbidden.AliasNotFound"],
    async target(context, { AuthResource }) {
      const asked = await findAskedResource(context, AuthResource, findRight);
      assertOwn(asked);
      return asked;
    },
    access: (context, { toSee }) => [onAccount(context, "ram:ListPrincipalsForAction"), ...toSee],
    async handle(context, { AuthAction: actions, Marker, MaxItems }, asked) {
      const rights = await Promise.all([...new Set(actions)].map(async (action) => asked.rightTo(action)));
      const look = findAccessors(context, { resource: asked.arn, rights, applications });
      // In a large account it may take longer than a call waits for its record.
      context.call.waiting?.busyUntil(look);
      const accessors = await look;
      const page = toPage({ Marker, MaxItems });
      const rest = await inOrder(accessors, page.after ?? "");
      const { items, next } = toPaged(page, rest, ({ place }) => place);
      return {
        result: {
          AuthResource: asked.arn,
          Principals: { Principal: items.map(({ accessor }) => toPrincipalView(accessor)) },
          ...toPagingResult({ next }),
        },
      };
    },
  });
}

const TYPES = {
  root: "RootUser",
  user: "SubUser",
  role: "Role",
  account: "Account",
  service: "Service",
  application: "Application",
  federated: "Federated",
} as const satisfies Readonly<Record<Accessor["type"], string>>;

const CERTAINTIES = { always: "Always", perhaps: "Perhaps" } as const;

/** Those behind a place, in the order of their places. */
async function inOrder(
  accessors: readonly Accessor[],
  after: string,
): Promise<readonly { readonly accessor: Accessor; readonly place: string }[]> {
  const turns = new TurnTaker();
  const byPlace = new Map<string, Accessor>();
  for (const accessor of accessors) {
    await turns.give();
    const place = placeOf(accessor);
    if (place > after) byPlace.set(place, accessor);
  }
  await turns.give();
  return [...byPlace.keys()].toSorted().flatMap((place) => {
    const accessor = byPlace.get(place);
    return accessor === undefined ? [] : [{ accessor, place }];
  });
}

/** In the order of places the account's own come first: its root, users, roles, applications. */
function placeOf({ type, principal, needsOwnPolicies }: Accessor): string {
  const rank = needsOwnPolicies ? -1 : OWN.indexOf(type);
  return `${rank === -1 ? OWN.length : rank}/${principal.arn}`;
}

const OWN: readonly Accessor["type"][] = ["root", "user", "role", "application"];

function toPrincipalView(accessor: Accessor): z.infer<typeof principalView> {
  const { type, principal, needsOwnPolicies, groups, actions } = accessor;
  const { arn, accountId, name } = principal;
  return {
    Type: TYPES[type],
    Arn: arn,
    ...(accountId !== "" && { AccountId: accountId }),
    Name: name,
    NeedsOwnPolicies: needsOwnPolicies,
    Groups: { Group: [...groups] },
    Actions: { Action: actions.map((action) => toActionView(action)) },
  };
}

function toActionView({ name, certainty, statements, except }: AllowedAction): z.infer<typeof actionView> {
  return {
    Name: name,
    Certainty: CERTAINTIES[certainty],
    Statements: { Statement: statements.slice(0, MAX_STATEMENTS).map((statement) => toStatementView(statement)) },
    ...(except.length > 0 && {
      Except: {
        Principal: except.map(({ principal, conditional }) => ({
          Arn: describePrincipal(principal),
          Certainty: CERTAINTIES[conditional ? "perhaps" : "always"],
        })),
      },
    }),
  };
}
