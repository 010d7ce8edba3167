import { randomUUID } from "node:crypto";
import { CinnabarClient } from "@cinnabar/client";
import { openAdministration } from "@cinnabar/testkit";
import { join } from "node:path";
import type { CinnabarServer, RootAccessKey } from "./cinnabar-server.ts";
import type { BenchStore } from "./stores.ts";

const RAM = "2015-05-01";
const POLICIES_OF_USER = 10;
const STATEMENTS = 20;
/** An account has at most so many (RAM, "Limits"). */
const USERS_OF_ACCOUNT = 1_000;
const CALLERS = 16;

/**
 * Makes a user who may encrypt by the last statement of the last of its policies. Every one of the others is about
 * Encrypt too: by the name of some key, by a pattern of names, under conditions, or as a Deny that does not apply.
 */
export async function makeUser({ client, accessKey }: CinnabarServer): Promise<RootAccessKey> {
  const UserName = "encrypter";
  const ram = ramOf(client);
  await ram("CreateUser", { UserName });
  for (let i = 0; i < POLICIES_OF_USER; i++) {
    const PolicyName = `encrypter-${i}`;
    const Statement = Array.from({ length: STATEMENTS }, (_, j) => statement(i * STATEMENTS + j));
    if (i === POLICIES_OF_USER - 1) Statement[STATEMENTS - 1] = allow("acs:kms:*:*:key/*");
    await ram("CreatePolicy", { PolicyName, PolicyDocument: JSON.stringify({ Version: "1", Statement }) });
    await ram("AttachPolicyToUser", { UserName, PolicyType: "Custom", PolicyName });
  }
  const { AccessKey } = await ram("CreateAccessKey", { UserName });
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = AccessKey as Record<string, string>;
  if (accessKeyId === undefined || accessKeySecret === undefined) throw new Error("the user has no AccessKey");
  return { accessKeyId, accessKeySecret, endpoint: accessKey.endpoint };
}

function statement(index: number): object {
  const kind = index % 4;
  if (kind === 0) return allow(`acs:kms:*:*:key/${randomUUID()}`);
  if (kind === 1) return allow(`acs:kms:*:*:key/${index}-*`);
  if (kind === 2) {
    const Condition = {
      IpAddress: { "acs:SourceIp": `10.${index % 256}.0.0/16` },
      Bool: { "acs:SecureTransport": true },
    };
    return { ...allow("acs:kms:*:*:key/*"), Condition };
  }
  const Condition = { DateLessThan: { "acs:CurrentTime": `2020-01-01T00:${10 + (index % 50)}:00Z` } };
  return { ...allow("*"), Effect: "Deny", Condition };
}

function allow(Resource: string): object {
  return { Effect: "Allow", Action: ["kms:Encrypt", "kms:Decrypt"], Resource };
}

/** Makes so many users, in as many accounts as they need, and policies of the server's own account, through the API. */
export async function storeIdentities(
  server: CinnabarServer,
  { store, users, policies }: { readonly store: BenchStore; readonly users: number; readonly policies: number },
): Promise<void> {
  const ram = ramOf(server.client);
  await inTurns(policies, (i) =>
    ram("CreatePolicy", {
      PolicyName: `stored-${i}`,
      PolicyDocument: JSON.stringify({ Version: "1", Statement: [statement(i)] }),
    }),
  );
  const accounts = await makeAccounts(server, { store, count: Math.ceil(users / USERS_OF_ACCOUNT) });
  await inTurns(users, (i) =>
    ramOf(accounts[i % accounts.length] ?? server.client)("CreateUser", { UserName: `u${i}` }),
  );
  for (const account of accounts) account.close();
}

/** The root of each. */
async function makeAccounts(
  { accessKey: { endpoint } }: CinnabarServer,
  { store, count }: { readonly store: BenchStore; readonly count: number },
): Promise<CinnabarClient[]> {
  const database = store.database ?? `sqlite:${join(store.data, "cinnabar.db")}`;
  await using administration = await openAdministration({ database, rootKeyFile: join(store.data, "root.key") });
  const roots: CinnabarClient[] = [];
  while (roots.length < count) {
    await administration.createAccount(({ accessKeyId, secret }) => {
      const credentials = { accessKeyId, accessKeySecret: secret.toString("latin1") };
      roots.push(new CinnabarClient({ endpoint, credentials }));
      return Promise.resolve();
    });
  }
  return roots;
}

/** Some at a time. */
async function inTurns(count: number, make: (index: number) => Promise<unknown>): Promise<void> {
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < count) await make(begun++);
  };
  await Promise.all(Array.from({ length: CALLERS }, work));
}

function ramOf(
  client: CinnabarClient,
): (action: string, parameters: Record<string, string>) => ReturnType<CinnabarClient["call"]> {
  return (action, parameters) => client.call(action, parameters, { version: RAM });
}
