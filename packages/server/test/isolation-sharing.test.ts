import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { newInstanceId, newResourceShareId } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { Isolation, type IsolatedArea } from "./support/isolation.ts";
import { type AccountCaller, REGION, TwoAccounts, type Wire } from "./support/two-accounts.ts";

// As isolation.test.ts, for the operations of Resource Sharing.

type Things = Readonly<Record<"accountId" | "instanceId" | "shareId" | "name", string>>;
type Share = { readonly ResourceShareId: string; readonly ResourceShareName: string };

const VERSION = "2020-01-10";
const NAME = /^[0-9a-f]{18}$/;

const areaOf = (world: TwoAccounts): IsolatedArea<Things> => ({
  name: "sharing",
  forms: [
    ({ shareId }) => shareId,
    ({ instanceId }) => instanceId,
    ({ accountId, instanceId }) => `acs:kms:${REGION}:${accountId}:keystore/${instanceId}`,
  ],
  good: {
    ResourceShareId: ({ shareId }) => ({ ResourceShareId: shareId }),
    ResourceShareName: ({ name }) => ({ ResourceShareName: name }),
    Resources: ({ instanceId }) => resource(instanceId),
    ResourceOwner: () => ({ ResourceOwner: "Self" }),
    AssociationType: () => ({ AssociationType: "Resource" }),
  },
  needed: { AssociateResourceShare: ["Resources"], DisassociateResourceShare: ["Resources"] },
  before: {},
  always: {
    EnableSharingWithResourceDirectory: "AlreadyEnabled",
    ...Object.fromEntries(
      world.operations
        .filter(({ product, summary }) => product === "ResourceSharing" && summary.startsWith("Is refused"))
        .map(({ name }) => [name, "UnsupportedOperation"]),
    ),
  },
  make: (caller) => makeThings(world, caller),
  async makeForeign(caller) {
    const things = await makeThings(world, caller);
    const { instanceId, shareId, name } = things;
    return { things, marks: [instanceId, shareId, name] };
  },
  /** An account has so many shares at most. Those of other names are things that are still needed, made at the same time. */
  async discard(caller, { name }) {
    const wire = { ResourceOwner: "Self", MaxResults: "100" };
    const { ResourceShares } = await caller.call<{ ResourceShares: Share[] }>("ListResourceShares", wire, VERSION);
    for (const { ResourceShareId, ResourceShareName } of ResourceShares) {
      if (ResourceShareName !== name && NAME.test(ResourceShareName)) continue;
      // Another run may have been faster.
      await caller.attempt("DeleteResourceShare", { ResourceShareId }, VERSION);
    }
  },
  likeness: (_things, accountId) => ({
    accountId,
    instanceId: newInstanceId(),
    shareId: newResourceShareId(),
    name: randomName(),
  }),
  look: (caller, { shareId }) =>
    caller
      .call<{ ResourceShareAssociations: unknown }>(
        "ListResourceShareAssociations",
        { AssociationType: "Resource", "ResourceShareIds.1": shareId },
        VERSION,
      )
      .then(({ ResourceShareAssociations: associations }) => associations),
});

forEachDatabase((database) => {
  // How shares are kept, others test on both databases; what is told of them does not depend on it.
  if (database.name !== "sqlite") return;
  test("to every operation of Resource Sharing, another account's shares look like what does not exist", async () => {
    await using world = await TwoAccounts.start(database);
    await new Isolation(world, areaOf(world)).run();
  });
});

const instances = new WeakMap<AccountCaller, Promise<string>>();

async function makeThings(world: TwoAccounts, caller: AccountCaller): Promise<Things> {
  let instance = instances.get(caller);
  if (instance === undefined) {
    instance = world.addInstance(caller);
    instances.set(caller, instance);
  }
  const instanceId = await instance;
  const name = randomName();
  const wire = { ResourceShareName: name, ...resource(instanceId) };
  const { ResourceShare } = await caller.call<{ ResourceShare: Share }>("CreateResourceShare", wire, VERSION);
  return { accountId: caller.accountId, instanceId, shareId: ResourceShare.ResourceShareId, name };
}

function resource(instanceId: string): Wire {
  return { "Resources.1.ResourceId": instanceId, "Resources.1.ResourceType": "KMSInstance" };
}

function randomName(): string {
  return randomBytes(9).toString("hex");
}
