import { formatTable, printable } from "../table.ts";
import { whoIs } from "./describe-access.ts";
import type { HeldRight, HoldersOfBoth } from "./read-both.ts";

/** Who may use a key and manage it. */
export function describeBoth({ resource, both }: HoldersOfBoth): string {
  const head = `${printable(resource)}\n\n`;
  if (both.length === 0) return `${head}Nobody but the root of the account may both use it and manage it.\n`;
  const rows = both.map((holder) => [whoIs(holder), describe(holder.using), describe(holder.managing)]);
  const legend = both.some(({ needsOwnPolicies }) => needsOwnPolicies)
    ? "\nUsers and roles of other accounts need policies of their own account, too.\n"
    : "";
  return `${head}${formatTable([["WHO", "USES IT BY", "MANAGES IT BY"], ...rows])}${legend}`;
}

function describe({ action, roles }: HeldRight): string {
  return printable(roles.length === 0 ? action : `${action} as role ${roles.join(", then ")}`);
}
