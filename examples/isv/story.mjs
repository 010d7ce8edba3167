// A vendor (ISV) keeps a customer's data encrypted with the customer's key, and the customer can see it and end it.
// Both have an account on the server. Run it with `node examples/isv/story.mjs`, or with the paths of two files with
// credentials of their roots; the second comes from `cinnabar account create -o vendor.json`.
// If the server was started with --tls, set NODE_EXTRA_CA_CERTS=data/ca.pem first.
import { randomBytes } from "node:crypto";
import { connectRoot, createRole, createUser, policy } from "./account.mjs";

const customer = connectRoot(process.argv[2] ?? "data/root-access-key.json");
const vendor = connectRoot(process.argv[3] ?? "vendor.json");
const { AccountId: customerId } = await customer.sts("GetCallerIdentity");
const { AccountId: vendorId } = await vendor.sts("GetCallerIdentity");
// So that it can be run again.
const run = randomBytes(4).toString("hex");

// The vendor has a role for what it does for this customer, and a program that may take it. The key is not there yet.
const program = await createUser(vendor, `program-${run}`, {
  Effect: "Allow",
  Action: "sts:AssumeRole",
  Resource: "*",
});
const roleArn = await createRole(vendor, `encryptor-${run}`, {
  trust: { Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: `acs:ram::${vendorId}:user/program-${run}` } },
  statement: {
    Effect: "Allow",
    Action: ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"],
    Resource: `acs:kms:*:${customerId}:key/*`,
  },
});

// The customer makes a key, and its policy lets that role use it: neither of the two can alone.
const own = { Effect: "Allow", Action: "kms:*", Principal: { RAM: `acs:ram::${customerId}:*` }, Resource: "*" };
const guest = { Effect: "Allow", Action: ["kms:Encrypt", "kms:Decrypt"], Principal: { RAM: roleArn }, Resource: "*" };
const { KeyMetadata: key } = await customer.kms("CreateKey", { Policy: policy(own, guest) });
console.log("The customer has made a key, and lets the vendor's role encrypt with it.");

// The customer's auditor may look at the trail, and nothing else.
const lookUp = { Effect: "Allow", Action: "actiontrail:LookupEvents", Resource: "*" };
const auditor = await createUser(customer, `auditor-${run}`, lookUp);

// The vendor's program takes the role, and names the key by its ARN.
const { Credentials } = await program.sts("AssumeRole", { RoleArn: roleArn, RoleSessionName: "orders" });
const session = program.as(Credentials);
for (const order of ["1001", "1002"]) {
  const EncryptionContext = JSON.stringify({ order });
  const { CiphertextBlob } = await session.kms("Encrypt", {
    KeyId: key.Arn,
    Plaintext: "a card number",
    EncryptionContext,
  });
  await session.kms("Decrypt", { CiphertextBlob, EncryptionContext });
  console.log(`The vendor has encrypted order ${order}, and read it again.`);
}

async function showUses() {
  const { Events } = await auditor.actiontrail("LookupEvents", {
    "LookupAttribute.1.Key": "ResourceName",
    "LookupAttribute.1.Value": key.KeyId,
    Direction: "FORWARD",
  });
  const uses = Events.filter(({ userIdentity }) => userIdentity.accountId === vendorId);
  for (const { eventName, requestParameters, userIdentity } of uses) {
    const [role, sessionName] = userIdentity.userName.split(":");
    const { order } = JSON.parse(requestParameters.EncryptionContext);
    console.log(
      `The auditor sees: ${eventName} of order ${order} by ${sessionName} as ${role.replace(`-${run}`, "")}.`,
    );
  }
}
await showUses();

// Before it cuts the vendor off, the customer looks whom that would hit.
const { Outcomes } = await customer.ram("TryPolicy", { KeyId: key.KeyId, PolicyDocument: policy(own) });
for (const { Outcome, AccountId, Operation, Calls } of Outcomes.Outcome) {
  if (AccountId === vendorId)
    console.log(`Without the vendor's statement, ${Calls} calls of ${Operation}: ${Outcome}.`);
}

await customer.kms("SetKeyPolicy", { KeyId: key.KeyId, Policy: policy(own) });
console.log("The customer has cut the vendor off.");
try {
  await session.kms("Encrypt", { KeyId: key.Arn, Plaintext: "a card number" });
  console.log("The vendor can still encrypt!");
} catch (error) {
  console.log(`The vendor's next call: ${error.code}.`);
}

await customer.kms("ScheduleKeyDeletion", { KeyId: key.KeyId, PendingWindowInDays: "7" });
