/** The same question, answered slowly: everybody's rights to everything, before and after. */

/** A statement of a policy as JSON. */
export interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource?: string;
  readonly Principal?: Partial<Readonly<Record<"RAM" | "Service" | "Federated", readonly string[]>>>;
  readonly Condition?: object;
}

export interface SmallWorld {
  readonly accountId: string;
  readonly region: string;
  /** What each user, role or group has attached, by names such as `user/u0`. */
  readonly attached: Readonly<Record<string, readonly string[]>>;
  readonly policies: Readonly<Record<string, readonly Statement[]>>;
  /** Groups of each user. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Trust policies by the roles' names. */
  readonly trusts: Readonly<Record<string, readonly Statement[]>>;
  /** Policies of keys, by ids. */
  readonly keys: Readonly<Record<string, readonly Statement[]>>;
  /** Who does not belong to the account, as policies write them. */
  readonly outsiders: readonly string[];
}

const USING = [
  "Encrypt",
  "Decrypt",
  "GenerateDataKey",
  "GenerateDataKeyWithoutPlaintext",
  "GenerateAndExportDataKey",
  "ExportDataKey",
  "ReEncryptFrom",
  "ReEncryptTo",
  "AsymmetricEncrypt",
  "AsymmetricDecrypt",
  "AsymmetricSign",
  "AsymmetricVerify",
  "GenerateMac",
  "VerifyMac",
  "ImportKeyMaterial",
].map((name) => `kms:${name}`);
const MANAGING = ["DisableKey", "ScheduleKeyDeletion", "DeleteKeyMaterial", "SetKeyPolicy"].map(
  (name) => `kms:${name}`,
);
const ACCESS_GIVING: Readonly<Record<string, string>> = {
  "kms:CreateClientKey": "applicationaccesspoint",
  "kms:CreateApplicationAccessPoint": "applicationaccesspoint",
  "kms:UpdateApplicationAccessPoint": "applicationaccesspoint",
  "kms:CreatePolicy": "policy",
  "kms:UpdatePolicy": "policy",
};
const ESCALATING: Readonly<Record<string, string>> = {
  "ram:AttachPolicyToUser": "user",
  "ram:AttachPolicyToGroup": "group",
  "ram:AttachPolicyToRole": "role",
  "ram:DetachPolicyFromUser": "user",
  "ram:DetachPolicyFromGroup": "group",
  "ram:DetachPolicyFromRole": "role",
  "ram:CreatePolicyVersion": "policy",
  "ram:SetDefaultPolicyVersion": "policy",
  "ram:AddUserToGroup": "group",
  "ram:RemoveUserFromGroup": "group",
  "ram:UpdateRole": "role",
  "ram:UpdateUser": "user",
  "ram:CreateAccessKey": "user",
  "ram:CreateLoginProfile": "user",
  "ram:UpdateLoginProfile": "user",
};
const HARMLESS_ON_SELF = new Set([
  "ram:UpdateUser",
  "ram:CreateAccessKey",
  "ram:CreateLoginProfile",
  "ram:UpdateLoginProfile",
]);

/** A key that is not made yet, and names that nobody has yet. */
const UNMADE = "33333333-3333-4333-8333-333333333333";
/** A key whose policy denies everything to everybody. */
const CLOSED = "44444444-4444-4444-8444-444444444444";
const NAMELESS = "nobody-has-this-name";

type Effect = "Deny" | "Allow" | "None";

function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\/]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}

function covers(statement: Statement, action: string, resource: string): boolean {
  const actions = [statement.Action].flat();
  const { Resource = "*" } = statement;
  const isAbout =
    Resource === "*" || Resource.split(":").every((part, i) => matches(part, resource.split(":")[i] ?? ""));
  return isAbout && actions.some((pattern) => matches(pattern, action));
}

/** What statements say if every condition can be met: an Allow then allows, and a Deny need not deny. */
function effectOf(statements: readonly Statement[], action: string, resource: string): Effect {
  const about = statements.filter((statement) => covers(statement, action, resource));
  if (about.some(({ Effect, Condition }) => Effect === "Deny" && Condition === undefined)) return "Deny";
  return about.some(({ Effect }) => Effect === "Allow") ? "Allow" : "None";
}

class Reference {
  readonly world: SmallWorld;

  constructor(world: SmallWorld) {
    this.world = world;
  }

  get people(): readonly string[] {
    return [...Object.keys(this.world.attached).filter((name) => !name.startsWith("group/")), ...this.world.outsiders];
  }

  isOutsider(name: string): boolean {
    return this.world.outsiders.includes(name);
  }

  keyArn(keyId: string): string {
    return `acs:kms:${this.world.region}:${this.world.accountId}:key/${keyId}`;
  }

  ramArn(name: string): string {
    return `acs:ram::${this.world.accountId}:${name}`;
  }

  /** Of whoever is of elsewhere it is not known: then it is taken to allow everything that is asked about here. */
  identity(name: string): readonly Statement[] {
    if (this.isOutsider(name)) return [{ Effect: "Allow", Action: ["kms:*", "sts:*"] }];
    const { attached, groups, policies } = this.world;
    const names = [...(attached[name] ?? []), ...(groups[name] ?? []).flatMap((group) => attached[group] ?? [])];
    return [...new Set(names)].flatMap((policy) => policies[policy] ?? []);
  }

  /** Statements of a resource's policy that are about somebody. */
  about(statements: readonly Statement[], name: string, wholeAccount: boolean): readonly Statement[] {
    if (this.isOutsider(name)) {
      const known = isMember(name) ? [name, `${name.slice(0, name.lastIndexOf(":"))}:root`] : [name];
      const named = ({ Principal = {} }: Statement) => Object.values(Principal).flat();
      return statements.filter((statement) => named(statement).some((each) => known.includes(each)));
    }
    const all = this.ramArn("*");
    const own = this.ramArn(name);
    return statements.filter(({ Effect, Principal }) =>
      (Principal?.RAM ?? []).some((arn) => arn === own || (arn === all && (wholeAccount || Effect === "Deny"))),
    );
  }

  may(name: string, action: string, keyId: string): boolean {
    if (keyId === CLOSED) return false;
    const arn = this.keyArn(keyId);
    const own = effectOf(this.identity(name), action, arn);
    const theirs = effectOf(this.about(this.world.keys[keyId] ?? [], name, false), action, arn);
    if (this.isOutsider(name)) return theirs === "Allow";
    return own !== "Deny" && theirs !== "Deny" && (own === "Allow" || theirs === "Allow");
  }

  mayAssume(name: string, role: string): boolean {
    const arn = this.ramArn(role);
    const trust = this.about(this.world.trusts[role] ?? [], name, true);
    return (
      effectOf(this.identity(name), "sts:AssumeRole", arn) === "Allow" &&
      effectOf(trust, "sts:AssumeRole", arn) === "Allow"
    );
  }

  guises(name: string): readonly string[] {
    const found = [name];
    for (const guise of found) {
      for (const role of Object.keys(this.world.trusts)) {
        if (!found.includes(role) && this.mayAssume(guise, role)) found.push(role);
      }
    }
    return found;
  }

  escalates(name: string): boolean {
    if (this.isOutsider(name)) return false;
    return Object.keys(ESCALATING).some((action) => this.escalatesBy(name, action));
  }

  escalatesBy(name: string, action: string): boolean {
    const { attached, policies } = this.world;
    const type = ESCALATING[action];
    const named =
      type === "policy"
        ? Object.keys(policies).map((policy) => `policy/${policy}`)
        : Object.keys(attached).filter((each) => each.startsWith(`${type}/`));
    return [...named, `${type}/${NAMELESS}`]
      .filter((each) => !(HARMLESS_ON_SELF.has(action) && each === name))
      .some((each) => effectOf(this.identity(name), action, this.ramArn(each)) === "Allow");
  }

  /** Whether somebody may use keys as an application. */
  givesAccess(name: string): boolean {
    if (this.isOutsider(name)) return false;
    return Object.keys(ACCESS_GIVING).some((action) => this.givesAccessBy(name, action));
  }

  givesAccessBy(name: string, action: string): boolean {
    const { region, accountId } = this.world;
    const arn = `acs:kms:${region}:${accountId}:${ACCESS_GIVING[action]}/${NAMELESS}`;
    return effectOf(this.identity(name), action, arn) === "Allow";
  }

  /** Whether a right that is about no key gives somebody keys; `undefined` of one that is about a key. */
  givesKeysBy(name: string, action: string): boolean | undefined {
    if (action in ESCALATING) return this.escalatesBy(name, action);
    return action in ACCESS_GIVING ? this.givesAccessBy(name, action) : undefined;
  }

  /** Whether somebody may both use and manage a key. */
  both(name: string, keyId: string): boolean {
    const guises = this.guises(name);
    if (guises.some((guise) => this.escalates(guise))) return true;
    const mayAny = (actions: readonly string[]) =>
      guises.some((guise) => actions.some((action) => this.may(guise, action, keyId)));
    const opens =
      mayAny(["kms:SetKeyPolicy"]) &&
      guises.some((guise) =>
        USING.some(
          // The policy of a key names members of accounts alone.
          (action) => isMember(guise) && effectOf(this.identity(guise), action, this.keyArn(keyId)) !== "Deny",
        ),
      );
    const isApplication = guises.some((guise) => this.givesAccess(guise));
    return mayAny(MANAGING) && (mayAny(USING) || opens || isApplication);
  }
}

/** Whether it belongs to an account: neither a service nor whom a provider vouches for. */
function isMember(name: string): boolean {
  return /^(?:acs:ram::[0-9]{16}:)?(?:root|(?:user|role)\/[^/]+)$/.test(name);
}

/** A right that somebody is said to have, perhaps as a role. */
export interface ToldRight {
  readonly action: string;
  readonly roles: readonly string[];
}

/** Whether somebody may assume the roles one after the other, and then has the right to a key, or to all that are not made. */
export function isHeld(
  world: SmallWorld,
  { name, keyId, right }: { readonly name: string; readonly keyId: string; readonly right: ToldRight },
): boolean {
  const reference = new Reference(world);
  const { action, roles } = right;
  const ways = [name, ...roles.map((role) => `role/${role}`)];
  const guise = ways.at(-1) ?? name;
  const isReached = ways.slice(1).every((role, i) => reference.mayAssume(ways[i] ?? "", role));
  const gives = reference.givesKeysBy(guise, action);
  return isReached && (gives ?? reference.may(guise, action, keyId === "*" ? UNMADE : keyId));
}

/** Everybody who has both of a key, or of all that are not made. */
export function findBoth(world: SmallWorld, keyId: string): readonly string[] {
  const reference = new Reference(world);
  return reference.people.filter((name) => reference.both(name, keyId === "*" ? UNMADE : keyId)).toSorted();
}

/** Everybody who has both of some key after a change, made or not, and had not before. */
export function findNewConflicts(before: SmallWorld, after: SmallWorld): readonly string[] {
  const [old, now] = [new Reference(before), new Reference(after)];
  const keys = [...Object.keys(after.keys), UNMADE, CLOSED];
  return now.people.filter((name) => keys.some((key) => now.both(name, key) && !old.both(name, key))).toSorted();
}
