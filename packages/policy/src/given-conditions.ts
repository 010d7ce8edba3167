import { type CompiledPolicy, CompiledStatement } from "./compiled-policy.ts";
import { Evaluation } from "./evaluation.ts";
import type { ConditionSource, PolicyPrincipal } from "./request.ts";

/** Conditions are asked alone. */
const NOBODY: PolicyPrincipal = { kind: "service", accountId: "", name: "", arn: "" };

/**
 * A policy where the values of some condition keys are known: without the statements whose conditions on these do not hold,
 * and without those conditions where they do. Of whatever has these values it says what the whole does. Statements keep their
 * index. `undefined` if nothing is left.
 *
 * @param known - by the keys' names in lower case
 */
export function givenConditions(
  policy: CompiledPolicy,
  known: ReadonlyMap<string, string>,
): CompiledPolicy | undefined {
  const conditions: ConditionSource = { get: (key) => known.get(key) };
  const evaluation = new Evaluation({ action: "*", resource: "*", principal: NOBODY, conditions });
  const statements = policy.statements.flatMap((compiled) => {
    const about = compiled.conditions.filter(({ condition }) => known.has(condition.key));
    if (about.length === 0) return [compiled];
    if (!about.every((condition) => condition.holds(evaluation))) return [];
    const rest = compiled.statement.conditions.filter(({ key }) => !known.has(key));
    return [new CompiledStatement({ ...compiled.statement, conditions: rest }, compiled.reference)];
  });
  return statements.length === 0 ? undefined : { ...policy, statements };
}
