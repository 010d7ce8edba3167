import { accountKeyTable, deploymentTable, kernelMigrations, type Migration, type SweptTable } from "@cinnabar/kernel";
import { kmsMigrations, kmsTables } from "@cinnabar/kms";
import { ramMigrations, ramTables } from "@cinnabar/ram";

/** Every step of the schema, in order. */
export const migrations: readonly Migration[] = [...kernelMigrations, ...ramMigrations, ...kmsMigrations];

/** Every table whose rows are authenticated. */
export const protectedTables: readonly SweptTable[] = [deploymentTable, accountKeyTable, ...ramTables, ...kmsTables];
