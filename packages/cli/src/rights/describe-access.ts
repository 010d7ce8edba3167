import { formatTable, printable } from "../table.ts";
import type { Access, Accessor, AllowedAction, Principal } from "./access.ts";

const TYPES: Readonly<Record<string, string>> = {
  RootUser: "root",
  SubUser: "user",
  Role: "role",
  Application: "application",
  Account: "account",
  Service: "service",
  Federated: "provider",
};

/** Somebody as people know it: `user alice`, and who is of another account by the ARN. */
export function whoIs({ type, arn, name, accountId, needsOwnPolicies }: Principal): string {
  const title = TYPES[type] ?? type;
  if (type === "RootUser") return title;
  if (type === "Account" && accountId !== undefined) return printable(`${title} ${accountId}`);
  return printable(`${title} ${needsOwnPolicies ? arn : name}`);
}

/** Who may do what, with everybody who may assume a role below it. */
export function describeAccess({ resource, principals, assumers }: Access): string {
  const head = `${printable(resource)}\n\n`;
  if (principals.length === 0) return `${head}Nobody.\n`;
  const shown = new Set<string>();
  const rows = principals.flatMap((accessor) => [
    rowOf(accessor, 0),
    ...assumerRows(accessor.arn, { assumers, shown, depth: 1 }),
  ]);
  return `${head}${formatTable([["WHO", "MAY", "BY"], ...rows])}${legend(principals)}`;
}

interface Tree {
  readonly assumers: Access["assumers"];
  /** Roles below which it was said already who may assume them. */
  readonly shown: Set<string>;
  readonly depth: number;
}

function assumerRows(role: string, tree: Tree): string[][] {
  const { assumers, shown, depth } = tree;
  const found = assumers[role];
  if (found === undefined) return [];
  const indent = "  ".repeat(depth);
  if (shown.has(role)) return [[`${indent}(its assumers: see above)`, "", ""]];
  shown.add(role);
  if (found.length === 0) return [[`${indent}(nobody may assume it)`, "", ""]];
  return found.flatMap((accessor) => [
    rowOf(accessor, depth),
    ...assumerRows(accessor.arn, { assumers, shown, depth: depth + 1 }),
  ]);
}

function rowOf(accessor: Accessor, depth: number): string[] {
  const who = `${"  ".repeat(depth)}${whoIs(accessor)}`;
  return [who, accessor.actions.map(describeAction).join(", "), describeReasons(accessor)];
}

function describeAction({ name, certainty, except }: AllowedAction): string {
  const excepted = except.map(({ arn, certainty: denied }) => `${printable(arn)}${denied === "Perhaps" ? "?" : ""}`);
  const but = excepted.length === 0 ? "" : ` but ${excepted.join(" and ")}`;
  return `${printable(name)}${certainty === "Perhaps" ? "?" : ""}${but}`;
}

function describeReasons({ type, actions, groups }: Accessor): string {
  const policies = [...new Set(actions.flatMap((action) => action.policies))].toSorted();
  if (policies.length === 0 && type === "RootUser") return "is the root";
  const through = groups.length === 0 ? "" : ` (groups: ${groups.join(", ")})`;
  return printable(`${policies.join(", ")}${through}`);
}

function legend(principals: readonly Accessor[]): string {
  const isDoubtful = principals.some(({ actions }) => actions.some(({ certainty }) => certainty === "Perhaps"));
  const hasGuests = principals.some(({ needsOwnPolicies }) => needsOwnPolicies);
  const lines = [
    ...(isDoubtful ? ["? Conditions decide."] : []),
    ...(hasGuests ? ["Users and roles of other accounts need policies of their own account, too."] : []),
  ];
  return lines.length === 0 ? "" : `\n${lines.join("\n")}\n`;
}
