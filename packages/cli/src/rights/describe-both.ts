import { formatTable, printable } from "../table.ts";
import type { Access } from "./access.ts";
import { whoIs } from "./describe-access.ts";
import type { Held, HolderOfBoth } from "./find-both.ts";

/** Who may use a key and manage it. */
export function describeBoth({ resource }: Pick<Access, "resource">, found: readonly HolderOfBoth[]): string {
  const head = `${printable(resource)}\n\n`;
  if (found.length === 0) return `${head}Nobody but the root of the account may both use it and manage it.\n`;
  const rows = found.map((holder) => [whoIs(holder), describe(holder.using), describe(holder.managing)]);
  const isDoubtful = found.some(({ using, managing }) =>
    [...using, ...managing].some(({ certainty }) => certainty === "Perhaps"),
  );
  const legend = isDoubtful ? "\n? Conditions decide.\n" : "";
  return `${head}${formatTable([["WHO", "USES IT", "MANAGES IT"], ...rows])}${legend}`;
}

function describe(held: readonly Held[]): string {
  const byRoles = Map.groupBy(held, ({ roles }) => roles.map(shortName).join(", then "));
  return [...byRoles]
    .map(([roles, rights]) => {
      const names = rights.map(({ action, certainty }) => `${printable(action)}${certainty === "Perhaps" ? "?" : ""}`);
      return `${names.join(", ")}${roles === "" ? "" : ` as role ${printable(roles)}`}`;
    })
    .join("; ");
}

function shortName(arn: string): string {
  return arn.slice(arn.indexOf("/") + 1);
}
