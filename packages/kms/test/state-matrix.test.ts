import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ApiError, DeclaredOperation } from "@cinnabar/kernel";
import { instanceOperations } from "@cinnabar/kms";
import { forEachDatabase } from "@cinnabar/testkit";
import yardstick from "../yardstick/kms-2016-01-20.json" with { type: "json" };
import keyStates from "../yardstick/key-states.json" with { type: "json" };
import { kindFor, newSubject, type Subject, type SubjectState, SUBJECT_STATES } from "./subject.ts";
import { operations, World } from "./world.ts";

/*
 * What every operation that names a key answers in every state of it, and what state it leaves the key in, as
 * yardstick/key-states.json has it from Alibaba Cloud's pages. An operation that names a key and has no rule there fails.
 */

type KeyState = "Enabled" | "Disabled" | "PendingDeletion" | "PendingImport";
type Rule = Readonly<Record<KeyState, string>>;

const rules: Readonly<Record<string, Rule>> = keyStates.rules;
const statuses: Readonly<Record<string, number>> = keyStates.statuses;
/** By operation of the instance protocol. */
const rulesOfInstances: Readonly<Record<string, string>> = keyStates.instanceOperations;
/** By operation, or by operation and parameter where several of them name a key. */
const rulesOf: Readonly<Record<string, string | Readonly<Record<string, string>>>> = keyStates.operations;
/** By operation, and by how the key stands where its state alone does not say it. */
const becomes: Readonly<Record<string, Readonly<Partial<Record<KeyState | SubjectState, string>>>>> = keyStates.becomes;

/** Parameters that name a key, or something that belongs to one. */
const NAMES_OF_KEYS = [
  "KeyId",
  "SourceKeyId",
  "DestinationKeyId",
  "CiphertextBlob",
  "AliasName",
  "ProtectedResourceArn",
  "ResourceId",
];

interface Row {
  readonly operation: DeclaredOperation;
  /** The parameter that names the key in question, where another one names another key. */
  readonly role: string | undefined;
  readonly rule: Rule;
}

const namesKey = ({ parameters }: DeclaredOperation): boolean => NAMES_OF_KEYS.some((name) => name in parameters);

function rowsOf(operation: DeclaredOperation): Row[] {
  const found = rulesOf[operation.name];
  assert(found !== undefined, `${operation.name} names a key, and key-states.json does not say what it answers`);
  const byRole = typeof found === "string" ? [[undefined, found] as const] : Object.entries(found);
  return byRole.map(([role, name]) => {
    const rule = rules[name];
    assert(rule !== undefined, `there is no rule ${name}`);
    return { operation, role, rule };
  });
}

test("every operation that names a key has a rule, as it is published", () => {
  const naming = operations.filter(namesKey);
  assert.deepEqual(Object.keys(rulesOf).toSorted(), naming.map(({ name }) => name).toSorted());
  const published = Object.entries(yardstick.operations as Readonly<Record<string, { readonly stateRule?: Rule }>>);
  const differences = published.flatMap(([name, { stateRule }]) => {
    if (stateRule === undefined || rulesOf[name] === undefined) return [];
    // Of an alias that is moved, the published rule is that of the key which it goes to.
    const rule = typeof rulesOf[name] === "string" ? rulesOf[name] : rulesOf[name]["KeyId"];
    return Object.entries(stateRule).filter(([state, answer]) => rules[rule ?? ""]?.[state as KeyState] !== answer);
  });
  assert.deepEqual(differences, []);
});

forEachDatabase((database) => {
  // What states allow is decided above the database: how they are kept, other tests try on both.
  if (database.name !== "sqlite") return;
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  test("every operation answers as published in every state of its key, and leaves it in the right one", async (t) => {
    const [expected, found]: [string[], string[]] = [[], []];
    for (const { operation, role, rule } of operations.filter(namesKey).flatMap(rowsOf)) {
      for (const standing of SUBJECT_STATES) {
        const state = stateOf(standing);
        const title = `${operation.name}${role === undefined ? "" : ` by ${role}`}, ${standing}`;
        const answer = rule[state];
        const { [standing]: ofStanding, [state]: ofState } = becomes[operation.name] ?? {};
        const left = answer === "Success" ? (ofStanding ?? ofState ?? state) : state;
        expected.push(`${title}: ${statuses[answer]} ${answer}, then ${left}`);
        const cell = await tryCell(world, { operation, role }, standing);
        found.push(`${title}: ${cell.answer}, then ${cell.left}`);
      }
    }
    assert.deepEqual(found, expected);
    t.diagnostic(`${found.length} answers`);
  });

  test("every operation of the instance protocol answers alike", async (t) => {
    const [expected, found]: [string[], string[]] = [[], []];
    const naming = instanceOperations.filter(namesKey);
    assert.deepEqual(Object.keys(rulesOfInstances).toSorted(), naming.map(({ name }) => name).toSorted());
    for (const operation of naming) {
      for (const standing of SUBJECT_STATES) {
        const answer = rules[rulesOfInstances[operation.name] ?? ""]?.[stateOf(standing)] ?? "no rule";
        expected.push(`${operation.name}, ${standing}: ${statuses[answer]} ${answer}`);
        const name = `${kindFor(operation)} ${standing}`;
        const subject = unchanged.get(name) ?? (await newSubject(world, operation, standing));
        unchanged.set(name, subject);
        const { error } = await world.run(operation, await instanceWireOf(world, operation, subject));
        found.push(`${operation.name}, ${standing}: ${answerOf(error)}`);
      }
    }
    assert.deepEqual(found, expected);
    t.diagnostic(`${found.length} answers`);
  });
});

function answerOf(error: ApiError | undefined): string {
  return error === undefined ? "200 Success" : `${error.status} ${error.code}`;
}

const MESSAGE = Buffer.from("a message").toString("base64");

/** What the instance protocol takes, with the ciphertext of another key, if of this one there can be none any more. */
async function instanceWireOf(
  world: World,
  { name }: DeclaredOperation,
  subject: Subject,
): Promise<Readonly<Record<string, string>>> {
  const { KeyId } = subject;
  const [pair, signed] = [{ KeyPairSpec: "EC_P256", KeyFormat: "PEM" }, { Message: MESSAGE }];
  if (name.includes("DataKeyPair")) return { KeyId, ...pair };
  if (!name.endsWith("Decrypt")) return { KeyId, Plaintext: MESSAGE, ...signed, Signature: MESSAGE };
  const encrypt = instanceOperations.find((operation) => operation.name === name.replace("Decrypt", "Encrypt"));
  assert.ok(encrypt !== undefined);
  const own = await world.run(encrypt, { KeyId, Plaintext: MESSAGE });
  const sealed =
    own.result ?? (await world.run(encrypt, { KeyId: await world.createKey(), Plaintext: MESSAGE })).result;
  const { CiphertextBlob, Iv } = sealed as Readonly<Record<"CiphertextBlob" | "Iv", string>>;
  if (name === "Decrypt") return { KeyId, CiphertextBlob, Iv };
  const { KeyVersionId = "" } = await subject.parametersOf(encrypt);
  const bytes = Buffer.from(CiphertextBlob, "base64");
  bytes.write(KeyVersionId, VERSION_OFFSET, "latin1");
  return { CiphertextBlob: bytes.toString("base64") };
}

/** Where an Advance ciphertext says its version (packages/kms/src/instance-protocol/advance-blob.ts). */
const VERSION_OFFSET = 3;

/** Keys that stand as they did: a refused call and one that only reads change nothing, as the next call shows. */
const unchanged = new Map<string, Subject>();

async function tryCell(
  world: World,
  { operation, role }: Omit<Row, "rule">,
  standing: SubjectState,
): Promise<{ answer: string; left: string }> {
  const name = `${kindFor(operation, role)} ${standing}`;
  const subject = unchanged.get(name) ?? (await newSubject(world, operation, standing, role));
  const { error } = await world.call(operation.name, await wireOf(world, { operation, role, subject }));
  if (error !== undefined || operation.kind === "crypto" || operation.kind === "read") unchanged.set(name, subject);
  else unchanged.delete(name);
  const described = await world.ok<{ KeyMetadata: { KeyState: string } }>("DescribeKey", { KeyId: subject.KeyId });
  return { answer: answerOf(error), left: described.KeyMetadata.KeyState };
}

/** The parameter of the role names the subject, and all others another key, which is enabled. */
async function wireOf(
  world: World,
  { operation, role, subject }: Omit<Row, "rule"> & { readonly subject: Subject },
): Promise<Readonly<Record<string, string>>> {
  const wire = await subject.parametersOf(operation);
  if (role === undefined) return wire;
  const other = await newSubject(world, operation);
  const { KeyId, KeyVersionId = "", CiphertextBlob = "", Algorithm = "" } = wire;
  const others = await other.parametersOf(operation);
  if (role !== "SourceKeyId") return { ...others, [role]: wire[role] ?? "" };
  const source = { SourceKeyId: KeyId ?? "", SourceKeyVersionId: KeyVersionId, SourceEncryptionAlgorithm: Algorithm };
  return { ...others, ...source, CiphertextBlob };
}

function stateOf(standing: SubjectState): KeyState {
  switch (standing) {
    case "never imported":
    case "expired":
    case "expired while disabled":
      return "PendingImport";
    default:
      return standing;
  }
}
