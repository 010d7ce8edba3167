import { type Backend, kyselyOn } from "@cinnabar/kernel";

type AccountNames = { account: { id: string; created_at: number }; access_key: { id: string } };

/** The deployment's first account, for showing to its operator. */
export async function firstAccountId(backend: Backend): Promise<string | undefined> {
  const db = kyselyOn<AccountNames>(backend.kind, backend.reader);
  const row = await db.selectFrom("account").select("id").orderBy("created_at").limit(1).executeTakeFirst();
  return row?.id;
}

/** Whether the store knows an AccessKey. */
export async function hasAccessKey(backend: Backend, accessKeyId: string): Promise<boolean> {
  const db = kyselyOn<AccountNames>(backend.kind, backend.reader);
  const row = await db.selectFrom("access_key").select("id").where("id", "=", accessKeyId).executeTakeFirst();
  return row !== undefined;
}
