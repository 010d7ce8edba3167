import { join } from "node:path";
import { DatabaseLogs } from "../../src/audit/database-logs.ts";
import { connectTo } from "../../src/audit/sqlite-reader.ts";
import { AuditFixture } from "./audit-fixture.ts";
import { withTemporaryDirectory } from "./temporary-directory.ts";

/** Logs that a test writes and reads in a database of its own. */
export interface Rig {
  readonly fixture: AuditFixture;
  readonly source: DatabaseLogs;
  /** For an export. Does not exist yet. */
  readonly directory: string;
}

export function withRig(body: (rig: Rig) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (temporary) => {
    using fixture = await AuditFixture.create(join(temporary, "cinnabar.db"));
    const source = new DatabaseLogs(connectTo(fixture.database));
    await body({ fixture, source, directory: join(temporary, "export") });
  });
}
