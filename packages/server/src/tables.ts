import { type AccountKeyUse, kernelMigrations, kernelTables, type Migration, type SweptTable } from "@cinnabar/kernel";
import { kmsAccountKeyUses, kmsMigrations, kmsTables } from "@cinnabar/kms";
import { ramAccountKeyUses, ramMigrations, ramTables } from "@cinnabar/ram";
import { sharingMigrations, sharingTables } from "@cinnabar/sharing";
import { trailMigrations } from "@cinnabar/trail";

/** Every step of the schema, in order. */
export const migrations: readonly Migration[] = [
  ...kernelMigrations,
  ...ramMigrations,
  ...kmsMigrations,
  ...sharingMigrations,
  ...trailMigrations,
];

/** Every table whose rows are authenticated. */
export const protectedTables: readonly SweptTable[] = [...kernelTables, ...ramTables, ...kmsTables, ...sharingTables];

/** Every column that is wrapped under account keys. */
export const accountKeyUses: readonly AccountKeyUse[] = [...ramAccountKeyUses, ...kmsAccountKeyUses];
