import { ApiError, type EntityFinder, ERRORS, type RequestContext, unsupportedParameter } from "@cinnabar/kernel";
import { instanceArn, instanceKind, type StoredInstance } from "@cinnabar/kms";
import { PERMISSION } from "../permission/permission.ts";

/** What the product must be told of accounts, which are not its own. */
export interface Accounts {
  /** Whether there is an account of that id that may be shared with: not one of a service's. */
  isMember(finder: EntityFinder, accountId: string): Promise<boolean>;
}

/** Resources and targets as a call names them. */
export interface NamedEntities {
  readonly Resources?: readonly string[] | undefined;
  readonly ResourceArns?: readonly string[] | undefined;
  readonly Targets?: readonly string[] | undefined;
}

/** The ids of the resources that a call names, by either parameter, each once. */
export function namedResources(
  { region, principal }: RequestContext,
  { Resources = [], ResourceArns = [] }: NamedEntities,
): readonly string[] {
  const place = { region, accountId: principal.accountId };
  const byArn = ResourceArns.map((arn) => {
    const id = arn.slice(arn.lastIndexOf("/") + 1);
    if (instanceArn(place, id) === arn) return id;
    throw invalid(
      "InvalidParameter.Resources",
      "Each ResourceArn must be of a KMS instance of the account, in this region.",
    );
  });
  return [...new Set([...Resources, ...byArn])];
}

/**
 * Finds instances that are to be shared: they must be the caller's, and connected.
 *
 * @throws {@link ApiError} `InvalidParameter.Resources`.
 */
export async function findShareable(
  context: RequestContext,
  ids: readonly string[],
): Promise<readonly StoredInstance[]> {
  const instances: StoredInstance[] = [];
  for (const id of ids) {
    const instance = await context.find(instanceKind, id);
    if (instance?.accountId !== context.principal.accountId) {
      throw invalid("InvalidParameter.Resources", "Each must be a KMS instance of the account.");
    }
    if (instance.state !== "Connected") {
      throw invalid(
        "InvalidParameter.Resources",
        `${instance.id} is not connected yet: call ConnectKmsInstance first.`,
      );
    }
    instances.push(instance);
  }
  return instances;
}

/** @throws {@link ApiError} `ShareWithYourself` or `InvalidTarget`. */
export async function assertTargets(
  context: RequestContext,
  accounts: Accounts,
  ids: readonly string[],
): Promise<void> {
  if (ids.includes(context.principal.accountId)) throw new ApiError("ShareWithYourself");
  for (const id of ids) {
    if (!(await accounts.isMember(context, id)))
      throw invalid("InvalidTarget", "Each must be an account of this deployment.");
  }
}

/** @throws {@link ApiError} `EntityNotExists.Permission` for one that there is not. */
export function assertPermissions(names: readonly string[] = []): void {
  if (names.every((name) => name === PERMISSION.name)) return;
  throw invalid("EntityNotExists.Permission", `The only one is ${PERMISSION.name}.`);
}

/** Parameters that would narrow a share or say more of it are refused, since nothing here would keep to them. */
export function assertServed(values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) if (value !== undefined) throw unsupportedParameter(name);
}

function invalid(code: "InvalidParameter.Resources" | "InvalidTarget" | "EntityNotExists.Permission", advice: string) {
  return new ApiError(code, `${ERRORS[code].message} ${advice}`);
}
