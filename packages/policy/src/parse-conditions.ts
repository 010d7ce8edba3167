import { CONDITION_KEYS_ALLOWED, findConditionKey, fitsKey } from "./condition-keys.ts";
import {
  allowedValues,
  categoryOf,
  CONDITION_OPERATORS,
  type ConditionOperator,
  isConditionValue,
} from "./condition-operators.ts";
import { distinct } from "./distinct.ts";
import type { JsonElement } from "./json-element.ts";
import { JsonNumber, quoted } from "./json-reader.ts";
import type { Condition } from "./policy.ts";
import type { SearchLimit } from "./search-limit.ts";

/** Conditions are a list: one for each key under each operator, all of which must hold. */
export function parseConditions(element: JsonElement | undefined, searches: SearchLimit): readonly Condition[] {
  if (element === undefined) return [];
  return element.members("an object of operators").flatMap(([name, keys]) => {
    const operator = CONDITION_OPERATORS.find((operator) => operator === name);
    if (operator === undefined) throw keys.unfit(`the operator ${quoted(name)}`, CONDITION_OPERATORS.join(", "));
    return keys.members("an object of condition keys").map(([name, element]) => {
      const condition = parseCondition(operator, name, element);
      if (categoryOf(operator) === "Pattern") searches.add(condition.values, element);
      return condition;
    });
  });
}

function parseCondition(operator: ConditionOperator, name: string, element: JsonElement): Condition {
  const found = findConditionKey(name);
  if (found === undefined) throw element.unfit(`the condition key ${quoted(name)}`, CONDITION_KEYS_ALLOWED);
  const { key, category } = found;
  if (!fitsKey(operator, category)) {
    const fitting = CONDITION_OPERATORS.filter((operator) => fitsKey(operator, category));
    throw element.unfit(`${quoted(name)} under ${operator}`, `this key under ${fitting.join(", ")}`);
  }
  const allowed = allowedValues(operator);
  const values = element.oneOrMore(`${allowed}, or an array of such`).map((value) => {
    const text = plainText(value);
    if (text === undefined || !isConditionValue(operator, text)) throw value.fault(allowed);
    return text;
  });
  return { operator, key, name, values: distinct(values) };
}

/** Numbers and booleans may stand with quotation marks and without. */
function plainText({ value }: JsonElement): string | undefined {
  if (value instanceof JsonNumber) return value.text;
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" ? value : undefined;
}
