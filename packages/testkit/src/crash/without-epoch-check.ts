import type { SourcePatch } from "./patched-sources.ts";

/** Batches commit on PostgreSQL whatever a control has changed meanwhile on another node. */
export const WITHOUT_EPOCH_CHECK: SourcePatch = {
  file: "packages/kernel/src/store/postgresql/postgresql-backend.ts",
  find: `AND tag = $\${N + 1}::bytea AND closed = 0
AND (SELECT tag FROM epoch WHERE id = 1) = $\${N + 1}::bytea
`,
  replacement: `AND ($\${N + 1}::bytea IS NOT NULL) AND closed = 0
`,
};
