import { type AccountKeyUse, kernelMigrations, kernelTables, type Migration, type SweptTable } from "@cinnabar/kernel";
import { kmsAccountKeyUses, kmsMigrations, kmsTables } from "@cinnabar/kms";
import { ramAccountKeyUses, ramMigrations, ramTables } from "@cinnabar/ram";
import { trailMigrations } from "@cinnabar/trail";

/** Every step of the schema, in order. */
export const migrations: readonly Migration[] = [
  ...kernelMigrations,
  ...ramMigrations,
  ...kmsMigrations,
  ...trailMigrations,
];

/** Every table whose rows are authenticated. */
export const protectedTables: readonly SweptTable[] = [...kernelTables, ...ramTables, ...kmsTables];

/** Every column that is wrapped under account keys. */
export const accountKeyUses: readonly AccountKeyUse[] = [...ramAccountKeyUses, ...kmsAccountKeyUses];
