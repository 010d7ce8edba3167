import { type EntityFinder, proceed } from "@cinnabar/kernel";
import { type CompiledPolicy, compilePolicy, parsePolicy, PolicySet } from "@cinnabar/policy";
import { instanceKind, type StoredInstance } from "../instance/instance-repository.ts";
import { keyArn, secretArn } from "../resource-name.ts";
import type { StoredAccessPoint } from "./access-point-repository.ts";
import type { AccessReference } from "./access-row.ts";
import { KEY_USER, type Permission, SECRET_USER } from "./application-policy.ts";
import { applicationPolicies, type StoredApplicationPolicy } from "./application-policy-repository.ts";
import { networkRules, type StoredNetworkRule } from "./network-rule-repository.ts";

/** The condition key with the instance of a call's key, and its value for a key that is in none. */
export const INSTANCE_CONDITION = "kms:InstanceId";
export const NO_INSTANCE = "none";

/** What each permission lets be done with keys or secrets, by the actions that policies know it by. */
const ACTIONS: Readonly<Record<Permission, { readonly on: "key" | "secret"; readonly actions: readonly string[] }>> = {
  [KEY_USER]: {
    on: "key",
    actions: [
      "kms:Encrypt",
      "kms:Decrypt",
      "kms:GenerateDataKey",
      "kms:AsymmetricEncrypt",
      "kms:AsymmetricDecrypt",
      "kms:AsymmetricSign",
      "kms:AsymmetricVerify",
      "kms:GenerateMac",
      "kms:GetPublicKey",
    ],
  },
  [SECRET_USER]: { on: "secret", actions: ["kms:GetSecretValue"] },
};

/** What {@link KEY_USER} lets be done with nothing in particular. */
const KEYLESS_ACTIONS = ["kms:GenerateRandom"];

/** More than the longest policy and its network rules make of it. */
const MAX_DOCUMENT_BYTES = 256 * 1024;

/** The policies of an access point, and all that they were made of: they are right as long as that is what is found. */
interface Remembered {
  readonly ingredients: readonly object[];
  readonly policies: PolicySet;
}

/**
 * What applications may do, as policies of RAM's language: so they are decided, explained and put on record as everybody
 * else's. They are made once and remembered with the entities that they were made of; each request finds all of these again.
 */
export class ApplicationPolicies {
  readonly #region: string;
  /** By the access point, so that what a process forgets of it takes them with it. */
  readonly #remembered = new WeakMap<StoredAccessPoint, Remembered>();

  constructor(region: string) {
    this.#region = region;
  }

  find(finder: EntityFinder, accessPoint: StoredAccessPoint): PolicySet | Promise<PolicySet> {
    return proceed(findParts(finder, accessPoint), (parts) => {
      const ingredients = parts.flatMap(({ policy, instance, rules }) => [
        policy,
        ...(instance ? [instance] : []),
        ...rules,
      ]);
      const known = this.#remembered.get(accessPoint);
      if (known !== undefined && isSame(known.ingredients, ingredients)) return known.policies;
      const policies = new PolicySet(parts.flatMap((part) => this.#compile(part)));
      this.#remembered.set(accessPoint, { ingredients, policies });
      return policies;
    });
  }

  #compile(part: PolicyParts): CompiledPolicy[] {
    const Statement = statementsOf(part, this.#region);
    if (Statement.length === 0) return [];
    const document = JSON.stringify({ Version: "1", Statement });
    const policy = parsePolicy(document, "identity", { maxBytes: MAX_DOCUMENT_BYTES });
    return [compilePolicy(policy, { type: "Application", name: part.policy.name })];
  }
}

/** A policy with the instance and the network rules that it names, as far as there are such. */
interface PolicyParts {
  readonly policy: StoredApplicationPolicy;
  readonly instance: StoredInstance | undefined;
  readonly rules: readonly StoredNetworkRule[];
}

function findParts(
  finder: EntityFinder,
  { accountId, policies }: StoredAccessPoint,
): readonly PolicyParts[] | Promise<readonly PolicyParts[]> {
  return findAll(policies, (reference) =>
    proceed(applicationPolicies.find(finder, { accountId, name: reference.name }), (policy) =>
      policy?.incarnation !== reference.incarnation
        ? undefined
        : proceed(findRules(finder, policy), (rules) =>
            proceed(findInstanceOf(finder, policy), (instance) => ({ policy, instance, rules })),
          ),
    ),
  );
}

function findInstanceOf(
  finder: EntityFinder,
  { instanceId }: StoredApplicationPolicy,
): StoredInstance | undefined | Promise<StoredInstance | undefined> {
  return instanceId === undefined ? undefined : finder.find(instanceKind, instanceId);
}

function findRules(
  finder: EntityFinder,
  { accountId, networkRules: references }: StoredApplicationPolicy,
): readonly StoredNetworkRule[] | Promise<readonly StoredNetworkRule[]> {
  return findAll(references, ({ name, incarnation }) =>
    proceed(networkRules.find(finder, { accountId, name }), (rule) =>
      rule?.incarnation === incarnation ? rule : undefined,
    ),
  );
}

/** What is found of each reference; at once, if all is there. */
function findAll<T>(
  references: readonly AccessReference[],
  find: (reference: AccessReference) => T | undefined | Promise<T | undefined>,
): readonly T[] | Promise<readonly T[]> {
  const found = references.map(find);
  const isThere = (value: T | undefined | Promise<T | undefined>): value is T | undefined =>
    !(value instanceof Promise);
  return found.every(isThere)
    ? found.filter(isDefined)
    : Promise.all(found.map((value) => Promise.resolve(value))).then((all) => all.filter(isDefined));
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}

function isSame(a: readonly object[], b: readonly object[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}

/** None where no address is admitted. A policy that names no rule admits every address. */
function statementsOf({ policy, instance, rules }: PolicyParts, region: string): readonly object[] {
  const { accountId, permissions, resources, instanceId } = policy;
  const sources = rules.flatMap(({ sources: all }) => all);
  if (policy.networkRules.length > 0 && sources.length === 0) return [];
  const from = policy.networkRules.length === 0 ? {} : { IpAddress: { "acs:SourceIp": [...new Set(sources)] } };
  const statements = permissions.flatMap((permission) => {
    const { on, actions } = ACTIONS[permission];
    const arnOf = on === "key" ? keyArn : secretArn;
    const names = resources.filter((text) => text.startsWith(`${on}/`)).map((text) => text.slice(on.length + 1));
    if (names.length === 0) return [];
    const Condition = { ...from, StringEquals: { [INSTANCE_CONDITION]: [instanceId ?? NO_INSTANCE] } };
    // What guests make in an instance of the account is the account's too. As a guest it has its own keys alone.
    const owner = instance?.accountId === accountId ? "*" : accountId;
    const Resource = names.map((name) => arnOf({ region, accountId: owner }, name));
    return [{ Effect: "Allow", Action: actions, Resource, Condition }];
  });
  if (!permissions.includes(KEY_USER)) return statements;
  const keyless = { Effect: "Allow", Action: KEYLESS_ACTIONS, Resource: ["*"] };
  return [...statements, policy.networkRules.length === 0 ? keyless : { ...keyless, Condition: from }];
}
