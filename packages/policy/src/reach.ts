import { type CompiledStatement, isCertainDenial } from "./compiled-policy.ts";
import type { PolicySet } from "./policy-set.ts";
import { ResourceName } from "./resource-pattern.ts";

/** Which resources of a type policies may allow an action on, under some circumstances or all. */
export interface Reach {
  /**
   * Whether a pattern is about several of them. Which ones is not asked: a pattern for some counts as one for all, and a
   * Deny for some takes nothing from it.
   */
  readonly several: boolean;
  /** Those that are named one by one, by their ARNs; others may be among them where {@link several} is set. */
  readonly named: readonly string[];
}

/**
 * What policies of an identity may allow, of all resources that there are or may be.
 *
 * @param type - what the ARNs of all resources of the type begin with, such as `acs:ram::1234567890123456:user/`
 */
export function reachOf(policies: PolicySet, action: string, type: string): Reach {
  const prefix = new ResourceName(type);
  const about = policies.statementsAbout(action);
  const denials = about.filter(isCertainDenial);
  const meant = about
    .filter(({ verdict }) => verdict.effect === "Allow")
    .flatMap(({ resources }) => resources.map((pattern) => pattern.of(prefix)));
  const named = new Set(meant.flatMap((one) => (typeof one === "object" ? [one.arn] : [])));
  return {
    several: meant.includes("several") && !isDenied(denials, prefix, "all of them"),
    named: [...named].filter((arn) => !isDenied(denials, new ResourceName(arn), "the one")),
  };
}

/** Those of some resources, by their ARNs, on which policies of an identity may allow an action, under some circumstances or all. */
export function allowedAmong(policies: PolicySet, action: string, resources: readonly string[]): readonly string[] {
  const about = policies.statementsAbout(action);
  const denials = about.filter(isCertainDenial);
  const allowing = about.filter(({ verdict }) => verdict.effect === "Allow");
  if (allowing.length === 0) return [];
  return resources.filter((arn) => {
    const resource = new ResourceName(arn);
    return allowing.some((statement) => statement.coversResource(resource)) && !isDenied(denials, resource, "the one");
  });
}

/** The ARNs of those resources of a type that policies name one by one in what they say of some actions, be it to deny them. */
export function namedIn(policies: PolicySet, actions: readonly string[], type: string): readonly string[] {
  const prefix = new ResourceName(type);
  const about = policies.policies
    .flatMap(({ statements }) => statements)
    .filter((statement) => actions.some((action) => statement.coversAction(action)));
  const meant = about.flatMap(({ resources }) => resources.map((pattern) => pattern.of(prefix)));
  return [...new Set(meant.flatMap((one) => (typeof one === "object" ? [one.arn] : [])))];
}

/**
 * Whether policies of an identity deny an action whatever the circumstances, and so whatever other policies say.
 *
 * @param resource - an ARN, or what those of all resources of a type begin with
 */
export function deniesAlways(
  policies: PolicySet,
  { action, resource, of }: { readonly action: string; readonly resource: string; readonly of: Denied },
): boolean {
  return isDenied(policies.statementsAbout(action).filter(isCertainDenial), new ResourceName(resource), of);
}

/** What is asked about: the one resource of a name, or all those whose names begin with it. */
type Denied = "the one" | "all of them";

function isDenied(denials: readonly CompiledStatement[], resource: ResourceName, of: Denied): boolean {
  return denials.some((statement) =>
    of === "the one"
      ? statement.coversResource(resource)
      : statement.resources.some((pattern) => pattern.isOfAll(resource)),
  );
}
