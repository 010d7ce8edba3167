import { type RequestContext, toPolicyPrincipal, TurnTaker } from "@cinnabar/kernel";
import { givenConditions, PolicySet, relevantTo } from "@cinnabar/policy";
import type { Applications } from "./applications.ts";
import type { FoundRight } from "./asked-resource.ts";
import type { Candidate } from "./candidates.ts";

/**
 * The applications of the caller's account whose policies say anything of the access, as far as the resource does not
 * decide it already: policies are about the keys of one instance.
 *
 * @param rights - to the one resource, one for each action.
 */
export async function findApplicationCandidates(
  context: RequestContext,
  {
    resource,
    rights,
    applications,
  }: { readonly resource: string; readonly rights: readonly FoundRight[]; readonly applications: Applications },
): Promise<readonly Candidate[]> {
  const actions = rights.map(({ action }) => action);
  const known = rights[0]?.ofApplications ?? new Map<string, string>();
  const candidates: Candidate[] = [];
  const turns = new TurnTaker();
  for (const { principal } of await applications.list(context)) {
    await turns.give();
    const policies = principal.policies.policies.flatMap((policy) => {
      const relevant = relevantTo(policy, { actions, resource });
      const left = relevant && givenConditions(relevant, known);
      return left === undefined ? [] : [left];
    });
    if (policies.length === 0) continue;
    candidates.push({ principal: toPolicyPrincipal(principal), identity: new PolicySet(policies), groups: [] });
  }
  return candidates;
}
