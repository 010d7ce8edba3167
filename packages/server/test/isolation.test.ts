import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Answer, DeclaredOperation } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { type AccountCaller, REGION, TwoAccounts, type Wire } from "./support/two-accounts.ts";

/*
 * For every operation that is served, and every parameter of it: to one account, what belongs to another one looks like
 * what does not exist. Each form in which a thing can be named is put into each parameter, whether it belongs there or
 * not, three times: naming a thing of the other account, one that account does not have, and one that nobody has.
 */

/** What an account has, under all its names. */
type Things = Readonly<Record<"accountId" | "keyId" | "versionId" | "alias" | "blob", string>>;

/** Ways to name a thing, in the order in which they are put into a parameter. */
const FORMS: readonly ((things: Things) => string)[] = [
  ({ keyId }) => keyId,
  ({ alias }) => alias,
  ({ accountId, keyId }) => `acs:kms:${REGION}:${accountId}:key/${keyId}`,
  ({ accountId, alias }) => `acs:kms:${REGION}:${accountId}:${alias}`,
  ({ blob }) => blob,
  ({ versionId }) => versionId,
];

/** What a parameter is given that is not the one in question: good values, and things of the caller's own. */
const GOOD: Readonly<Record<string, (own: Things, operation: string) => Wire>> = {
  KeyId: ({ keyId }) => ({ KeyId: keyId }),
  DestinationKeyId: ({ keyId }) => ({ DestinationKeyId: keyId }),
  AliasName: ({ alias }, operation) => ({ AliasName: operation === "CreateAlias" ? `${alias}-new` : alias }),
  CiphertextBlob: ({ blob }) => ({ CiphertextBlob: blob }),
  Plaintext: () => ({ Plaintext: "text" }),
  Description: () => ({ Description: "text" }),
  PendingWindowInDays: () => ({ PendingWindowInDays: "7" }),
  EnableDeletionProtection: () => ({ EnableDeletionProtection: "true" }),
  ProtectedResourceArn: ({ accountId, keyId }) => ({
    ProtectedResourceArn: `acs:kms:${REGION}:${accountId}:key/${keyId}`,
  }),
  Tags: () => ({ Tags: '[{"TagKey":"k","TagValue":"v"}]' }),
  TagKeys: () => ({ TagKeys: '["k"]' }),
  RegionId: () => ({ RegionId: REGION }),
  ResourceType: () => ({ ResourceType: "key" }),
  ResourceId: ({ keyId }) => ({ "ResourceId.1": keyId }),
  Tag: () => ({ "Tag.1.Key": "k", "Tag.1.Value": "v" }),
  TagKey: () => ({ "TagKey.1": "k" }),
};

/** Parameters that are not required by themselves, and without which the operation does nothing. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  SetDeletionProtection: ["ProtectedResourceArn"],
  TagResource: ["KeyId"],
  UntagResource: ["KeyId"],
  UntagResources: ["TagKey"],
};

/** What is done to an account's own key before the operation can succeed. */
const BEFORE: Readonly<Record<string, (caller: AccountCaller, own: Things) => Promise<unknown>>> = {
  CancelKeyDeletion: (caller, { keyId }) =>
    caller.call("ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: "7" }),
};

/** Operations that are refused whatever is given. */
const ALWAYS: Readonly<Record<string, string>> = { OpenKmsService: "Forbidden.Opened" };

forEachDatabase((database) => {
  test("to every operation, what belongs to another account looks like what does not exist", async () => {
    await using world = await TwoAccounts.start(database);
    const suite = new Isolation(world);
    for (const operation of world.operations) {
      await suite.assertServed(operation);
      for (const name of Object.keys(operation.parameters)) {
        for (const needed of variants(operation, name)) await suite.assertBlind(operation, name, needed);
      }
    }
    assert.deepEqual(suite.leaks, []);
    assert.ok(suite.comparisons >= 200, `${suite.comparisons} comparisons`);
    await suite.assertTrails();
  });
});

/** Once with all that the operation needs, and once with what is declared as required alone, if that is less. */
function variants(operation: DeclaredOperation, parameter: string): string[][] {
  const required = Object.keys(operation.parameters).filter(
    (name) => operation.parameters[name]?.presence === "required",
  );
  const needed = (NEEDED[operation.name] ?? []).filter((name) => name !== parameter);
  const rest = required.filter((name) => name !== parameter);
  return needed.length === 0 ? [rest] : [rest, [...rest, ...needed]];
}

class Isolation {
  readonly leaks: string[] = [];
  comparisons = 0;
  readonly #world: TwoAccounts;
  /** Texts that only the first account may see. */
  readonly #marks = new Set<string>();
  /** What the second account has sent of it, by the RequestId of the answer. */
  readonly #sent = new Map<string, readonly string[]>();
  /** What it sent with calls that succeeded. */
  readonly #stored = new Set<string>();

  constructor(world: TwoAccounts) {
    this.#world = world;
    this.#marks.add(world.one.accountId).add(world.one.accessKeyId);
  }

  /** Shows that the calls below would do something if they named what is the caller's own. */
  async assertServed(operation: DeclaredOperation): Promise<void> {
    const own = await this.#prepare(operation);
    const expected = ALWAYS[operation.name];
    const names = variants(operation, "").at(-1) ?? [];
    const { status, body } = await this.#call(operation, this.#good(operation, names, own));
    const { Code: code } = JSON.parse(body) as { Code?: string };
    const said = `${operation.name} of the caller's own: ${status} ${body}`;
    assert.deepEqual({ isServed: status === 200, code }, { isServed: expected === undefined, code: expected }, said);
  }

  async assertBlind(operation: DeclaredOperation, parameter: string, names: readonly string[]): Promise<void> {
    const theirs = await this.#foreignThings();
    const before = await this.#look(theirs);
    const [missing, nowhere] = [
      likeness(theirs, theirs.accountId),
      likeness(theirs, differentDigits(theirs.accountId)),
    ];
    // Calls that change something change the same in each of the three.
    const answers = await Promise.all(
      [theirs, missing, nowhere].map(async (named) => {
        const own = await this.#prepare(operation);
        const good = this.#good(operation, names, own);
        const seen: string[] = [];
        for (const form of FORMS) {
          const text = form(named);
          for (const wire of wires(operation, parameter, text)) {
            const answer = await this.#call(operation, { ...good, ...wire });
            seen.push(comparable(answer, { named: [text, ...Object.values(named)], own }));
          }
        }
        return seen;
      }),
    );
    const [foreign = [], ...others] = answers;
    for (const other of others) {
      for (const [i, answer] of foreign.entries()) {
        this.comparisons++;
        if (answer !== other[i]) this.leaks.push(`${operation.name}.${parameter}: ${answer} but ${other[i]}`);
      }
    }
    assert.deepEqual(await this.#look(theirs), before, `${operation.name}.${parameter} changed what is another's`);
  }

  /** Nothing of one account's is in the other's trail either, but what its own callers sent. */
  async assertTrails(): Promise<void> {
    const { one, other } = this.#world;
    const events = await this.#world.readEvents();
    const [theirs, own] = [one, other].map(({ accountId }) =>
      events.filter(({ recipientAccountId }) => recipientAccountId === accountId),
    );
    assert.ok(theirs !== undefined && own !== undefined && own.length >= this.comparisons);
    assert.deepEqual(
      theirs.filter(({ userIdentity }) => userIdentity.accountId === other.accountId),
      [],
    );
    for (const { eventId, text } of own) {
      const sent = this.#sent.get(eventId) ?? [];
      assert.deepEqual(this.#marksIn(text, sent), [], text);
    }
  }

  /** Calls as the second account, and looks for whatever only the first one may know. */
  async #call(operation: DeclaredOperation, wire: Wire): Promise<Answer> {
    const answer = await this.#world.other.attempt(operation.name, wire, operation.version);
    // What the caller says of its own, a 7 for example, is none of this test's concern.
    const sent = Object.values(wire).filter((text) => [...this.#marks].some((mark) => text.includes(mark)));
    this.#sent.set(answer.requestId, sent);
    // A caller's trail repeats what it said itself, in calls that were refused too.
    const said = operation.name === "LookupEvents" ? [...this.#sent.values()].flat() : sent;
    for (const mark of this.#marksIn(answer.body, said)) this.leaks.push(`${operation.name} shows ${mark}`);
    // It may be the text of a tag or a description now, and be shown again as the caller's own.
    if (answer.status === 200) for (const text of sent) this.#stored.add(text);
    return answer;
  }

  /** What only the first account may know, and the second one has not said itself. */
  #marksIn(text: string, sent: readonly string[]): string[] {
    const rest = without(text, [...sent, ...this.#stored]);
    return [...this.#marks].filter((mark) => rest.includes(mark));
  }

  async #foreignThings(): Promise<Things> {
    const { one } = this.#world;
    const [description, value] = [randomBytes(9).toString("hex"), randomBytes(9).toString("hex")];
    const tags = JSON.stringify([{ TagKey: "k", TagValue: value }]);
    const things = await makeThings(one, { Description: description, Tags: tags });
    const { keyId, versionId, alias, blob } = things;
    for (const mark of [keyId, versionId, alias, blob, description, value]) this.#marks.add(mark);
    return things;
  }

  /** How the first account's things stand. */
  async #look({ keyId, alias, blob }: Things): Promise<unknown> {
    const { one } = this.#world;
    const [key, tags, plaintext] = await Promise.all([
      one.call<{ KeyMetadata: unknown }>("DescribeKey", { KeyId: alias }),
      one.call<{ Tags: unknown }>("ListResourceTags", { KeyId: keyId }),
      one.call<{ Plaintext: unknown }>("Decrypt", { CiphertextBlob: blob }),
    ]);
    return [key.KeyMetadata, tags.Tags, plaintext.Plaintext];
  }

  async #prepare({ name }: DeclaredOperation): Promise<Things> {
    const { other } = this.#world;
    const own = await makeThings(other);
    await BEFORE[name]?.(other, own);
    return own;
  }

  #good(operation: DeclaredOperation, names: readonly string[], own: Things): Wire {
    const values = names.map((name) => {
      const good = GOOD[name];
      assert.ok(good !== undefined, `say under GOOD what ${operation.name}.${name} can be`);
      return good(own, operation.name);
    });
    return Object.assign({}, ...values) as Wire;
  }
}

async function makeThings(caller: AccountCaller, parameters: Wire = {}): Promise<Things> {
  const { accountId } = caller;
  const created = await caller.call<{ KeyMetadata: { KeyId: string } }>("CreateKey", parameters);
  const { KeyId: keyId } = created.KeyMetadata;
  const alias = `alias/${randomBytes(8).toString("hex")}`;
  await caller.call("CreateAlias", { AliasName: alias, KeyId: keyId });
  const encrypted = await caller.call<{ KeyVersionId: string; CiphertextBlob: string }>("Encrypt", {
    KeyId: keyId,
    Plaintext: "text",
  });
  return { accountId, keyId, versionId: encrypted.KeyVersionId, alias, blob: encrypted.CiphertextBlob };
}

/** Takes texts out of JSON, the longest first: one may be a part of another. */
function without(json: string, texts: readonly string[]): string {
  return texts
    .toSorted((one, other) => other.length - one.length)
    .reduce((rest, text) => rest.replaceAll(JSON.stringify(text).slice(1, -1), "<said>"), json);
}

/** Things of the same looks that nobody has. */
function likeness({ blob }: Things, accountId: string): Things {
  const versionId = randomUUID();
  const bytes = Buffer.from(blob, "base64");
  return {
    accountId,
    keyId: randomUUID(),
    versionId,
    alias: `alias/${randomBytes(8).toString("hex")}`,
    blob: Buffer.concat([Buffer.from(versionId), bytes.subarray(versionId.length)]).toString("base64"),
  };
}

function differentDigits(accountId: string): string {
  return accountId.replaceAll(/[0-9]/g, (digit) => String(9 - Number(digit)));
}

/** The ways to put a text into a parameter. */
function wires({ parameters }: DeclaredOperation, name: string, text: string): Wire[] {
  switch (parameters[name]?.encoding) {
    case "list":
      return [{ [`${name}.1`]: text }];
    case "map":
      return [{ [name]: text }, { [name]: JSON.stringify({ name: text }) }];
    case "records":
      // What is looked up stands in Value, by an attribute or a tag that Key names.
      return ["k", "ResourceName"].map((key) => ({ [`${name}.1.Key`]: key, [`${name}.1.Value`]: text }));
    case "text":
    case undefined:
      return [{ [name]: text }];
  }
}

/** An answer without its RequestId, with what was sent and what is new in every answer told by its kind. */
function comparable(
  { status, body, requestId }: Answer,
  { named, own }: { readonly named: readonly string[]; readonly own: Things },
): string {
  let text = body.replaceAll(requestId, "<request>");
  for (const value of named)
    text = text.replaceAll(value, "<named>").replaceAll(JSON.stringify(value).slice(1, -1), "<named>");
  for (const value of Object.values(own)) text = text.replaceAll(value, "<own>");
  if (status !== 200) return `${status} ${text}`;
  return `200 ${text
    .replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi, "<id>")
    .replaceAll(/[0-9-]{10}T[0-9:]{8}Z/g, "<time>")
    .replaceAll(/[A-Za-z0-9+/]{43,}={0,2}/g, "<bytes>")}`;
}
