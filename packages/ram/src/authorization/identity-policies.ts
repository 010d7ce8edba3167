import {
  type AuthorizationContext,
  type EntityFinder,
  type EntityKind,
  type Principal,
  proceed,
  TamperedRowError,
} from "@cinnabar/kernel";
import { type CompiledPolicy, PolicySet } from "@cinnabar/policy";
import { type Attachments, attachmentsId, attachmentsKind } from "../attachment/attachment-repository.ts";
import { type EffectivePolicy, policyKind } from "../policy/policy-repository.ts";
import { userKind } from "../user/user-repository.ts";

/** Those of somebody who has none. */
export const NO_POLICIES = new PolicySet([]);

/** What the sets that are remembered may take, in bytes, if they have no policy in common. */
const MAX_BYTES = 128 * 1024 * 1024;

/** An entity that a set of policies was made of. */
interface Ingredient {
  readonly kind: EntityKind<object>;
  readonly id: string;
  readonly entity: object;
}

/** A set of policies, and all that it was made of: it is right as long as all of that is what is found. */
interface Remembered {
  readonly ingredients: readonly Ingredient[];
  readonly policies: PolicySet;
}

/**
 * The policies of users and roles: attached to them, and to the groups that a user belongs to.
 *
 * A set is made once and remembered with the entities that it was made of. Each request finds all of these again: what is
 * found is what holds now, and the answer falls with it. As long as they are the same objects the set is the same one,
 * and nothing is compiled or promised.
 */
export class IdentityPolicies {
  /** By the first ingredient, so that what a process forgets of a user or role takes its set with it. */
  #remembered = new WeakMap<object, Remembered>();
  /** Of the sets remembered since all were forgotten last: they keep policies in memory that are not cached any more. */
  #bytes = 0;

  find(context: AuthorizationContext): PolicySet | Promise<PolicySet> {
    const { principal } = context;
    if (principal.type === "application") return principal.policies;
    const kind = firstKind(principal);
    if (kind === undefined) return NO_POLICIES;
    return proceed(context.find(kind, firstId(principal)), (first) => {
      if (first === undefined) return NO_POLICIES;
      const remembered = this.#remembered.get(first);
      if (remembered === undefined) return this.#make(context, principal);
      return proceed(isStill(context, remembered), (still) =>
        still ? remembered.policies : this.#make(context, principal),
      );
    });
  }

  async #make(finder: EntityFinder, principal: Principal): Promise<PolicySet> {
    const ingredients = new Ingredients(finder);
    const compiled: CompiledPolicy[] = [];
    for (const id of await attachedIds(ingredients, principal)) {
      const attachments = await ingredients.find(attachmentsKind, id);
      if (attachments !== undefined) compiled.push(...(await policiesOf(ingredients, attachments)));
    }
    const [first] = ingredients.all;
    if (first === undefined) return NO_POLICIES;
    // A policy may be attached to a user and to its groups.
    const policies = new PolicySet([...new Set(compiled)]);
    this.#remember(first.entity, { ingredients: ingredients.all, policies });
    return policies;
  }

  #remember(first: object, made: Remembered): void {
    if (this.#bytes > MAX_BYTES) {
      this.#remembered = new WeakMap();
      this.#bytes = 0;
    }
    this.#remembered.set(first, made);
    this.#bytes += made.policies.bytes;
  }
}

function isStill(finder: EntityFinder, { ingredients }: Remembered): boolean | Promise<boolean> {
  for (const { kind, id, entity } of ingredients) {
    const found = finder.find(kind, id);
    // What has to be read again is another object then. That it cannot be read is for whoever asked.
    if (found instanceof Promise) return found.then(() => false);
    if (found !== entity) return false;
  }
  return true;
}

function firstKind({ type }: Principal): EntityKind<object> | undefined {
  if (type === "ram-user") return userKind;
  return type === "assumed-role" ? attachmentsKind : undefined;
}

function firstId(principal: Principal): string {
  if (principal.type === "ram-user") return principal.userId;
  return principal.type === "assumed-role" ? attachmentsId("role", principal.roleId) : "";
}

/** Whose attachments count for the principal. */
async function attachedIds(ingredients: Ingredients, principal: Principal): Promise<readonly string[]> {
  if (principal.type === "assumed-role") return [attachmentsId("role", principal.roleId)];
  if (principal.type !== "ram-user") return [];
  const user = await ingredients.find(userKind, principal.userId);
  if (user === undefined) return [];
  return [attachmentsId("user", user.userId), ...user.groupIds.map((groupId) => attachmentsId("group", groupId))];
}

async function policiesOf(
  ingredients: Ingredients,
  { system, customIds }: Attachments,
): Promise<readonly CompiledPolicy[]> {
  const custom: EffectivePolicy[] = [];
  for (const id of customIds) {
    const policy = await ingredients.find(policyKind, id);
    // No policy is deleted while it is attached. Without it a Deny might be missing: nothing is decided then.
    if (policy === undefined) throw new TamperedRowError("ram_policy", "an attached policy is missing");
    custom.push(policy);
  }
  return [...system, ...custom.map(({ compiled }) => compiled)];
}

/** Finds entities and remembers them. */
class Ingredients {
  readonly all: Ingredient[] = [];
  readonly #finder: EntityFinder;

  constructor(finder: EntityFinder) {
    this.#finder = finder;
  }

  async find<E extends object>(kind: EntityKind<E>, id: string): Promise<E | undefined> {
    const entity = await this.#finder.find(kind, id);
    if (entity !== undefined) this.all.push({ kind, id, entity });
    return entity;
  }
}
