import assert from "node:assert/strict";
import type { Answer, DeclaredOperation } from "@cinnabar/kernel";
import { AREAS, type AreaName } from "./isolated-areas.ts";
import type { AccountCaller, TwoAccounts, Wire } from "./two-accounts.ts";

/** What an account has, under all its names. None of them is empty: an empty text is a part of every other. */
export type OwnedThings = Readonly<Record<string, string>> & { readonly accountId: string };

/** What is known of some operations and of what they are about. */
export interface IsolatedArea<Things extends OwnedThings> {
  readonly name: AreaName;
  /** How the second account sends a call, and reads the answer as JSON; left out, its root does, with its AccessKey. */
  readonly send?: (operation: DeclaredOperation, wire: Wire) => Promise<Answer>;
  /** Ways to name a thing, in the order in which they are put into a parameter. */
  readonly forms: readonly ((things: Things) => string)[];
  /** What a parameter is given that is not the one in question: good values, and things of the caller's own. */
  readonly good: Readonly<Record<string, (own: Things, operation: string) => Wire>>;
  /** Parameters that are not required by themselves, and without which the operation does nothing. */
  readonly needed: Readonly<Record<string, readonly string[]>>;
  /** What is done to the account's own things before the operation can succeed. */
  readonly before: Readonly<Record<string, (caller: AccountCaller, own: Things) => Promise<unknown>>>;
  /** Operations that are refused whatever is given. */
  readonly always: Readonly<Record<string, string>>;
  /** Makes things of the account, as far as the operation can be about them. */
  make(caller: AccountCaller, operation: DeclaredOperation): Promise<Things>;
  /** Makes things, and texts that only their account may see. */
  makeForeign(
    caller: AccountCaller,
    operation: DeclaredOperation,
  ): Promise<{ readonly things: Things; readonly marks: readonly string[] }>;
  /** Takes away of them what an account can have few of, and what the operation may have made beside them. */
  discard?(caller: AccountCaller, things: Things, operation: DeclaredOperation): Promise<void>;
  /** Things of the same looks that nobody has. */
  likeness(things: Things, accountId: string): Things;
  /** How things stand. */
  look(caller: AccountCaller, things: Things): Promise<unknown>;
}

/** A parameter, and every text in it if it is JSON. */
function saidIn(text: string): readonly string[] {
  if (!text.startsWith("[") && !text.startsWith("{")) return [text];
  const said = [text];
  JSON.parse(text, (_key, value: unknown) => {
    if (typeof value === "string") said.push(value);
  });
  return said;
}

/** Once with all that the operation needs, and once with what is declared as required alone, if that is less. */
function variants(
  operation: DeclaredOperation,
  parameter: string,
  neededBy: Readonly<Record<string, readonly string[]>>,
): string[][] {
  const required = Object.keys(operation.parameters).filter(
    (name) => operation.parameters[name]?.presence === "required",
  );
  const needed = (neededBy[operation.name] ?? []).filter((name) => name !== parameter);
  const rest = required.filter((name) => name !== parameter);
  return needed.length === 0 ? [rest] : [rest, [...rest, ...needed]];
}

/** Tries the operations of an area as a second account on what belongs to the first one. */
export class Isolation<Things extends OwnedThings> {
  readonly leaks: string[] = [];
  comparisons = 0;
  readonly #world: TwoAccounts;
  readonly #area: IsolatedArea<Things>;
  /** Texts that only the first account may see. */
  readonly #marks = new Set<string>();
  /** What the second account has sent of it, by the RequestId of the answer. */
  readonly #sent = new Map<string, readonly string[]>();
  /** What it sent with calls that succeeded. */
  readonly #stored = new Set<string>();
  /** Calls whose events must not differ. */
  readonly #pairs: (readonly [TriedCall, TriedCall])[] = [];

  constructor(world: TwoAccounts, area: IsolatedArea<Things>) {
    this.#world = world;
    this.#area = area;
    this.#marks.add(world.one.accountId).add(world.one.accessKeyId);
  }

  /** Every operation of the area, with every parameter. */
  async run(): Promise<void> {
    for (const operation of this.#world.operations.filter(AREAS[this.#area.name])) {
      await this.assertServed(operation);
      const tries = Object.keys(operation.parameters).flatMap((parameter) =>
        variants(operation, parameter, this.#area.needed).map((names) => ({ parameter, names })),
      );
      // What changes nothing finds everything as it was, however often it is called.
      const isChanging = operation.kind === "create" || operation.kind === "control";
      for (const some of isChanging ? tries.map((one) => [one]) : [tries]) {
        if (some.length > 0) await this.assertBlind(operation, some, isChanging);
      }
    }
    assert.deepEqual(this.leaks, []);
    assert.ok(this.comparisons >= 200, `${this.comparisons} comparisons`);
    await this.assertTrails();
  }

  /** Shows that the calls below would do something if they named what is the caller's own. */
  async assertServed(operation: DeclaredOperation): Promise<void> {
    const own = await this.#prepare(operation);
    const expected = this.#area.always[operation.name];
    const names = variants(operation, "", this.#area.needed).at(-1) ?? [];
    const { status, body } = await this.#call(operation, this.#good(operation, names, own));
    const { Code: code } = JSON.parse(String(body)) as { Code?: string };
    await this.#discard(this.#world.other, own, operation);
    const said = `${operation.name} of the caller's own: ${status} ${String(body)}`;
    assert.deepEqual({ isServed: status === 200, code }, { isServed: expected === undefined, code: expected }, said);
  }

  /** @param isChanging - whether calls can change what the caller has, so that calls to be compared take some of their own. */
  async assertBlind(operation: DeclaredOperation, tries: readonly Try[], isChanging: boolean): Promise<void> {
    const theirs = await this.#foreignThings(operation);
    const before = await this.#look(theirs);
    const [missing, nowhere] = [
      this.#area.likeness(theirs, theirs.accountId),
      this.#area.likeness(theirs, differentDigits(theirs.accountId)),
    ];
    const shared = isChanging ? undefined : await this.#prepare(operation);
    const answers = await Promise.all(
      [theirs, missing, nowhere].map(async (named) => {
        // Calls that change something change the same in each of the three.
        const own = shared ?? (await this.#prepare(operation));
        const seen: TriedCall[] = [];
        for (const one of tries) seen.push(...(await this.#try(operation, one, { named, own })));
        if (own !== shared) await this.#discard(this.#world.other, own, operation);
        return seen;
      }),
    );
    if (shared !== undefined) await this.#discard(this.#world.other, shared, operation);
    const [foreign = [], ...others] = answers;
    for (const other of others) {
      for (const [i, call] of foreign.entries()) {
        const same = other[i];
        assert.ok(same !== undefined);
        this.comparisons++;
        this.#pairs.push([call, same]);
        const [answer, expected] = [comparable(call), comparable(same)];
        if (answer !== expected) this.leaks.push(`${operation.name}.${call.parameter}: ${answer} but ${expected}`);
      }
    }
    const changed = `${operation.name} with another's ${tries.map(({ parameter }) => parameter).join()} changed it`;
    assert.deepEqual(await this.#look(theirs), before, changed);
    await this.#discard(this.#world.one, theirs, operation);
  }

  /** Calls with each form of the name in the parameter, and with what is the caller's own in the others. */
  async #try(
    operation: DeclaredOperation,
    { parameter, names }: Try,
    { named, own }: { readonly named: Things; readonly own: Things },
  ): Promise<TriedCall[]> {
    const good = this.#good(operation, names, own);
    const seen: TriedCall[] = [];
    for (const form of this.#area.forms) {
      const text = form(named);
      assertNamed([text]);
      for (const wire of wires(operation, parameter, text)) {
        const answer = await this.#call(operation, { ...good, ...wire });
        // What is bytes to an operation stands in events as base64.
        const known = { named: [text, Buffer.from(text).toString("base64"), ...Object.values(named)], own };
        seen.push({ parameter, answer, known });
      }
    }
    return seen;
  }

  /**
   * Nothing of one account's is in the other's trail either, but what its own callers sent; nor does a trail tell apart what
   * answers do not.
   */
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
    const texts = new Map(own.map(({ eventId, text }) => [eventId, text]));
    for (const pair of this.#pairs) {
      const [event, expected] = pair.map((call) => comparableEvent(call, texts.get(call.answer.requestId)));
      assert.equal(event, expected);
    }
    for (const { eventId, text } of own) {
      const sent = this.#sent.get(eventId) ?? [];
      assert.deepEqual(this.#marksIn(text, sent), [], text);
    }
  }

  /** Calls as the second account, and looks for whatever only the first one may know. */
  async #call(operation: DeclaredOperation, wire: Wire): Promise<Answer> {
    const { send = ({ name, version }, fields) => this.#world.other.attempt(name, fields, version) } = this.#area;
    const answer = await send(operation, wire);
    // What the caller says of its own, a 7 for example, is none of this test's concern.
    const sent = Object.values(wire)
      .flatMap(saidIn)
      .filter((text) => [...this.#marks].some((mark) => text.includes(mark)));
    this.#sent.set(answer.requestId, sent);
    // A caller's trail repeats what it said itself, in calls that were refused too.
    const said = operation.name === "LookupEvents" ? [...this.#sent.values()].flat() : sent;
    for (const mark of this.#marksIn(String(answer.body), said)) this.leaks.push(`${operation.name} shows ${mark}`);
    // It may be the text of a tag or a description now, and be shown again as the caller's own.
    if (answer.status === 200) for (const text of sent) this.#stored.add(text);
    return answer;
  }

  /** What only the first account may know, and the second one has not said itself. */
  #marksIn(text: string, sent: readonly string[]): string[] {
    const rest = without(text, [...sent, ...this.#stored]);
    return [...this.#marks].filter((mark) => rest.includes(mark));
  }

  async #foreignThings(operation: DeclaredOperation): Promise<Things> {
    const { things, marks } = await this.#area.makeForeign(this.#world.one, operation);
    assertNamed([...Object.values(things), ...marks]);
    for (const mark of marks) this.#marks.add(mark);
    return things;
  }

  /** How the first account's things stand. */
  #look(things: Things): Promise<unknown> {
    return this.#area.look(this.#world.one, things);
  }

  async #discard(caller: AccountCaller, things: Things, operation: DeclaredOperation): Promise<void> {
    await this.#area.discard?.(caller, things, operation);
  }

  async #prepare(operation: DeclaredOperation): Promise<Things> {
    const { other } = this.#world;
    const own = await this.#area.make(other, operation);
    assertNamed(Object.values(own));
    await this.#area.before[operation.name]?.(other, own);
    return own;
  }

  #good(operation: DeclaredOperation, names: readonly string[], own: Things): Wire {
    const values = names.map((name) => {
      const good = this.#area.good[name];
      assert.ok(good !== undefined, `say in "good" what ${operation.name}.${name} can be`);
      return good(own, operation.name);
    });
    return Object.assign({}, ...values) as Wire;
  }
}

/** @throws AssertionError for what could not be told from the rest of a text. */
function assertNamed(texts: readonly string[]): void {
  assert.ok(!texts.includes(""), "what is compared must have a name");
}

/** Takes texts out of JSON, the longest first: one may be a part of another. */
function without(json: string, texts: readonly string[]): string {
  return texts
    .toSorted((one, other) => other.length - one.length)
    .reduce((rest, text) => rest.replaceAll(JSON.stringify(text).slice(1, -1), "<said>"), json);
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
      return [
        ...["k", "ResourceName"].map((key) => ({ [`${name}.1.Key`]: key, [`${name}.1.Value`]: text })),
        // A resource is named with its kind.
        { [`${name}.1.ResourceId`]: text, [`${name}.1.ResourceType`]: "KMSInstance" },
      ];
    case "text":
    case undefined:
      return [{ [name]: text }];
  }
}

/** A parameter to name things in, and those that are given beside it. */
interface Try {
  readonly parameter: string;
  readonly names: readonly string[];
}

/** A call that names something, and the things that it may have named. */
interface TriedCall {
  readonly parameter: string;
  readonly answer: Answer;
  readonly known: { readonly named: readonly string[]; readonly own: OwnedThings };
}

/** An answer without its RequestId, with what was sent and what is new in every answer told by its kind. */
function comparable(call: TriedCall): string {
  const { status, body } = call.answer;
  const text = withoutNames(call, String(body));
  return `${status} ${status === 200 ? withoutNew(text) : text}`;
}

/** The event of a call in the same way, and without what is of that call alone. */
function comparableEvent(call: TriedCall, text: string | undefined): string {
  assert.ok(text !== undefined, `no event of ${call.answer.requestId}`);
  return withoutNew(withoutNames(call, text))
    .replaceAll(/"epoch":[0-9]+/g, '"epoch":"<epoch>"')
    .replaceAll(/"nonceDigest":"[A-Za-z0-9_-]{22}"/g, '"nonceDigest":"<digest>"');
}

function withoutNames({ answer: { requestId }, known: { named, own } }: TriedCall, json: string): string {
  let text = json.replaceAll(requestId, "<request>");
  for (const value of named)
    text = text.replaceAll(value, "<named>").replaceAll(JSON.stringify(value).slice(1, -1), "<named>");
  for (const value of Object.values(own)) text = text.replaceAll(value, "<own>");
  return (
    text
      // What is no policy may begin with anything: the message quotes a character of what was sent.
      .replaceAll(/found [^ ]+ at character [0-9]+; allowed is [A-Za-z ]+/g, "found <character>")
      // A random id whose bytes begin as those of a key do is no key for another reason.
      .replaceAll(/(?:The key is not the DER|The DER of the key|There are bytes behind the DER)[^."]*\./g, "<fault>")
  );
}

function withoutNew(text: string): string {
  return (
    text
      .replaceAll(/\b[23][0-9]{17}\b|\bg-[A-Za-z0-9]{16}\b|\brs-[A-Za-z0-9]{12}\b|\bLTAI5t[A-Za-z0-9]{18}\b/g, "<id>")
      .replaceAll(/"(AccessKeySecret|Base32StringSeed)":"[A-Za-z0-9]+"/g, '"$1":"<secret>"')
      .replaceAll(/"Iv":"[A-Za-z0-9+/]{16}"/g, '"Iv":"<bytes>"')
      .replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi, "<id>")
      .replaceAll(/[0-9-]{10}T[0-9:]{8}(?:\.[0-9]{3})?Z/g, "<time>")
      .replaceAll(/[A-Za-z0-9+/]{43,}={0,2}/g, "<bytes>")
      // A search that took long ends before its end.
      .replaceAll('"Events":[],"NextToken":"<bytes>"', '"Events":[]')
  );
}
