import type { EntityReader, RequestContext } from "@cinnabar/kernel";
import { sql } from "kysely";
import type { PolicySet } from "@cinnabar/policy";
import { type KeyPolicyPage, pageKeyPolicies, readKeyPolicies } from "./key-policy-repository.ts";
import { keyArn } from "../resource-name.ts";
import { namesInDocument } from "./named-in-policy.ts";

/** A key's own policy; `undefined` is the default one. */
export interface FoundKeyPolicy {
  readonly keyId: string;
  readonly arn: string;
  readonly policy: PolicySet | undefined;
}

/** Keys that are looked at in one go. */
const SLICE = 100;

/** The policies of an account's keys, for who looks at many of them. */
export const keyPolicies = {
  /**
   * Those of the keys of `keyIds`, and those that name somebody who is looked for.
   *
   * @param wanted.among - of some names, such as `user/alice`, or ARNs of others, those who are looked for.
   */
  async find(
    context: RequestContext,
    {
      accountId,
      keyIds,
      among,
    }: {
      readonly accountId: string;
      readonly keyIds: ReadonlySet<string>;
      readonly among: (names: ReadonlySet<string>) => Promise<ReadonlySet<string>>;
    },
  ): Promise<readonly FoundKeyPolicy[]> {
    const found: FoundKeyPolicy[] = [];
    const toFound = ({ keyId, policy }: { readonly keyId: string; readonly policy: PolicySet | undefined }) => ({
      keyId,
      policy,
      arn: keyArn({ region: context.region, accountId }, keyId),
    });
    const ids = [...keyIds];
    for (let start = 0; start < ids.length; start += SLICE) {
      const slice = ids.slice(start, start + SLICE);
      found.push(...(await readKeyPolicies(context, { accountId, keyIds: slice })).map(toFound));
    }
    const choose = async (documents: readonly string[]): Promise<readonly boolean[]> => {
      const named = documents.map((document) => namesInDocument(document, accountId));
      const wanted = await among(new Set(named.flatMap((names) => names ?? [])));
      return named.map((names) => names === undefined || names.some((name) => wanted.has(name)));
    };
    for (let after: string | undefined = ""; after !== undefined;) {
      const page: KeyPolicyPage = await pageKeyPolicies(context, { accountId, after, limit: SLICE, choose });
      found.push(...page.policies.filter(({ keyId }) => !keyIds.has(keyId)).map(toFound));
      after = page.next;
    }
    return found;
  },

  /** A text that is another one once there is another key with a policy of its own. */
  async state({ db }: EntityReader, accountId: string): Promise<string> {
    const { rows } = await sql<{ keys: number | bigint | string }>`
      select count(*) as keys from kms_key where account_id = ${accountId} and policy is not null
    `.execute(db);
    return String(rows[0]?.keys ?? 0);
  },
};
