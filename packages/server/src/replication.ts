import { DatabaseAwayError, type StoreReader } from "@cinnabar/kernel";

/** Whether what PostgreSQL acknowledges is also somewhere else by then. */
export type Replication =
  | { readonly kind: "synchronous"; readonly standbys: string }
  /** Standbys that no commit waits for: after a failover to one, what was acknowledged may be missing. */
  | { readonly kind: "asynchronous"; readonly standbys: number }
  | { readonly kind: "none" }
  /** The database only speaks PostgreSQL's protocol, and has its own ways. */
  | { readonly kind: "unknown" };

/** @returns `undefined` of an embedded database. */
export async function readReplication(reader: StoreReader): Promise<Replication | undefined> {
  if (reader.kind === "sqlite") return undefined;
  // That commits wait for those of the list is synchronous_commit, which is checked as the database is opened.
  let names: string;
  let standbys: number;
  try {
    const { rows } = await reader.reader.execute(
      "SELECT current_setting('synchronous_standby_names') AS names, (SELECT count(*) FROM pg_stat_replication) AS standbys",
      [],
    );
    names = String(rows[0]?.["names"] ?? "");
    standbys = Number(rows[0]?.["standbys"] ?? 0);
  } catch (error) {
    if (error instanceof DatabaseAwayError) throw error;
    return { kind: "unknown" };
  }
  if (names !== "") return { kind: "synchronous", standbys: names };
  return standbys > 0 ? { kind: "asynchronous", standbys } : { kind: "none" };
}

/** What is wrong with standbys that no commit waits for, without a full stop. */
export function describeAsynchronous(standbys: number): string {
  return `${standbys} standby${standbys === 1 ? "" : "s"} and none synchronous: after a failover acknowledged changes may be missing`;
}
