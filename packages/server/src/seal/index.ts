export { createSeal, printShares } from "./create-seal.ts";
export { migrateSeal, type MigrationStep, type OldSeal, type SealMigration } from "./migrate-seal.ts";
export { parseSeal, SEAL_FORMS, type SealSource } from "./seal-source.ts";
export { type Unsealed, waitUntilUnsealed } from "./sealed-service.ts";
export { parseSecretInput, type SecretInput, SecretReader } from "./secret-input.ts";
