import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { type DeclaredOperation, newInstanceId } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { Isolation, type IsolatedArea } from "./support/isolation.ts";
import { type AccountCaller, TwoAccounts, type Wire } from "./support/two-accounts.ts";

// As isolation.test.ts, for what gives applications their access.

/** One name stands for a network rule, a policy and an access point of the account. */
type Things = Readonly<Record<"accountId" | "name" | "clientKeyId" | "instanceId", string>>;

const PERMISSIONS = JSON.stringify(["RbacPermission/Template/CryptoServiceKeyUser"]);
const PASSWORD = "Passw0rd~!";
const rulesOf = (name: string): string => JSON.stringify({ NetworkRules: [name] });

const areaOf = (world: TwoAccounts): IsolatedArea<Things> => ({
  name: "access",
  forms: [
    ({ name }) => name,
    ({ name }) => JSON.stringify([name]),
    ({ name }) => rulesOf(name),
    ({ clientKeyId }) => clientKeyId,
    ({ instanceId }) => instanceId,
  ],
  good: {
    Name: ({ name }, operation) => ({ Name: operation.startsWith("Create") ? `${name}-new` : name }),
    AapName: ({ name }) => ({ AapName: name }),
    ClientKeyId: ({ clientKeyId }) => ({ ClientKeyId: clientKeyId }),
    Type: () => ({ Type: "Private" }),
    SourcePrivateIp: () => ({ SourcePrivateIp: '["10.0.0.0/8"]' }),
    Permissions: () => ({ Permissions: PERMISSIONS }),
    Resources: () => ({ Resources: '["key/*"]' }),
    AccessControlRules: ({ name }) => ({ AccessControlRules: rulesOf(name) }),
    Policies: ({ name }) => ({ Policies: JSON.stringify([name]) }),
    KmsInstance: ({ instanceId }) => ({ KmsInstance: instanceId }),
    Description: () => ({ Description: "text" }),
    Password: () => ({ Password: PASSWORD }),
  },
  needed: {
    UpdatePolicy: ["AccessControlRules"],
    UpdateApplicationAccessPoint: ["Policies"],
    UpdateNetworkRule: ["SourcePrivateIp"],
  },
  before: {},
  always: {},
  make: (caller, operation) => makeThings(world, caller, { operation }),
  async makeForeign(caller, operation) {
    const text = randomBytes(9).toString("hex");
    const things = await makeThings(world, caller, { operation, text });
    const { name, clientKeyId, instanceId } = things;
    return { things, marks: [name, clientKeyId, instanceId, text] };
  },
  likeness: (_things, accountId) => ({
    accountId,
    name: randomName(),
    clientKeyId: newClientKeyId(),
    instanceId: newInstanceId(),
  }),
  async look(caller, { name, clientKeyId }) {
    const looks: readonly (readonly [action: string, wire: Wire])[] = [
      ["DescribeNetworkRule", { Name: name }],
      ["DescribePolicy", { Name: name }],
      ["DescribeApplicationAccessPoint", { Name: name }],
      ["ListClientKeys", { AapName: name }],
      ["GetClientKey", { ClientKeyId: clientKeyId }],
    ];
    const told = await Promise.all(
      looks.map(async ([action, wire]) => {
        const { body, requestId } = await caller.attempt(action, wire);
        return String(body).replaceAll(requestId, "<request>");
      }),
    );
    assert.match(told.join(), new RegExp(`/${name}"`));
    return told;
  },
});

forEachDatabase((database) => {
  // How access is kept, others test on both databases; what is told of it does not depend on it.
  if (database.name !== "sqlite") return;
  test("to every operation about applications' access, another account's looks like what does not exist", async () => {
    await using world = await TwoAccounts.start(database);
    await new Isolation(world, areaOf(world)).run();
  });
});

/** A client key for all calls that do not delete one: making it is dear. */
const lasting = new WeakMap<AccountCaller, Promise<string>>();

function lastingClientKey(caller: AccountCaller): Promise<string> {
  let clientKey = lasting.get(caller);
  if (clientKey === undefined) {
    const name = randomName();
    clientKey = makeAccess(caller, { name, text: "text", action: "CreateClientKey" }).then(() =>
      makeClientKey(caller, name),
    );
    lasting.set(caller, clientKey);
  }
  return clientKey;
}

/**
 * Instances and client keys are made for what is about them. For the rest an id of the looks is as good, and must be new: the
 * caller may give it to something of its own.
 *
 * @param text - stands in all that can be described.
 */
async function makeThings(
  world: TwoAccounts,
  caller: AccountCaller,
  { operation, text = "text" }: { readonly operation: DeclaredOperation; readonly text?: string },
): Promise<Things> {
  const name = randomName();
  await makeAccess(caller, { name, text, action: operation.name });
  const { parameters } = operation;
  const isOfItsOwn = operation.name === "DeleteClientKey" || operation.name === "ListClientKeys";
  const madeClientKey = () => (isOfItsOwn ? makeClientKey(caller, name) : lastingClientKey(caller));
  return {
    accountId: caller.accountId,
    name,
    clientKeyId: "ClientKeyId" in parameters || "AapName" in parameters ? await madeClientKey() : newClientKeyId(),
    instanceId: "KmsInstance" in parameters ? await world.addInstance(caller) : newInstanceId(),
  };
}

/**
 * A network rule, with a policy that names it, and an access point that names the policy: what the operation is about, which
 * cannot be deleted while it is named, and what that names.
 */
async function makeAccess(
  caller: AccountCaller,
  { name, text, action }: { readonly name: string; readonly text: string; readonly action: string },
): Promise<void> {
  const said = { Name: name, Description: text };
  await caller.call("CreateNetworkRule", { ...said, Type: "Private", SourcePrivateIp: '["10.0.0.0/8"]' });
  if (action.includes("NetworkRule")) return;
  const Resources = JSON.stringify([`secret/${name}`]);
  await caller.call("CreatePolicy", {
    ...said,
    Permissions: PERMISSIONS,
    Resources,
    AccessControlRules: rulesOf(name),
  });
  if (action.includes("Polic")) return;
  await caller.call("CreateApplicationAccessPoint", { ...said, Policies: JSON.stringify([name]) });
}

async function makeClientKey(caller: AccountCaller, name: string): Promise<string> {
  const wire = { AapName: name, Password: PASSWORD };
  return (await caller.call<{ ClientKeyId: string }>("CreateClientKey", wire)).ClientKeyId;
}

function newClientKeyId(): string {
  return `KAAP.${randomUUID()}`;
}

function randomName(): string {
  return `n${randomBytes(8).toString("hex")}`;
}
