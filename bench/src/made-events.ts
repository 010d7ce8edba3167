import { type AuditEvent, encodeEvent } from "@cinnabar/kernel";

/** Accounts, the one that looks events up first: it has most of the events. */
const OTHER_ACCOUNTS = ["1000000000000001", "1000000000000002", "1000000000000003"];
const KEYS = 2_000;
const USERS = ["root", "alice", "bob", "payments", "reports", "backup"];
const ADDRESSES = 5_000;
const OPERATIONS = [
  { name: "Encrypt", readWrite: "Read", share: 0.4 },
  { name: "Decrypt", readWrite: "Read", share: 0.4 },
  { name: "GenerateDataKey", readWrite: "Read", share: 0.15 },
  { name: "DescribeKey", readWrite: "Read", share: 0.04 },
  { name: "TagResources", readWrite: "Write", share: 0.01 },
] as const;
/** One event in so many is rare: each of its attributes is that of few. */
const RARE_EVERY = 100_000;

/** Values that many, few and none of the events have. */
export const MADE = {
  account: "measured",
  user: "alice",
  rareUser: "auditor",
  key: keyId(0),
  rareKey: "key-rare",
  address: address(0),
  rareAddress: "203.0.113.77",
  accessKeyId: "LTAI5tAlice",
  rareAccessKeyId: "LTAI5tAuditor",
  role: "deployer",
} as const;

/** Makes events like those of a busy deployment: several accounts, thousands of keys and addresses, a few users and roles. */
export class EventMaker {
  readonly #accounts: readonly string[];
  #made = 0;
  /** Ids of events of the first account, a few from everywhere. */
  readonly sampledIds: string[] = [];

  constructor(account: string) {
    // Half of the events are the first account's.
    this.#accounts = [account, account, account, ...OTHER_ACCOUNTS];
  }

  /** The next event's canonical JSON. @param time - store time in milliseconds. */
  next({ eventId, time, epoch }: { eventId: string; time: number; epoch: number }): string {
    const n = this.#made++;
    const isRare = n % RARE_EVERY === RARE_EVERY / 2;
    const random = pseudoRandom(n);
    const account = isRare ? this.#accounts[0] : this.#accounts[Math.floor(random(1) * this.#accounts.length)];
    const accountId = account ?? "";
    if (n % 10_007 === 0 && accountId === this.#accounts[0]) this.sampledIds.push(eventId);
    const user = isRare ? MADE.rareUser : (USERS[Math.floor(random(2) * USERS.length)] ?? "root");
    const isRole = !isRare && random(3) < 0.1;
    const operation = isRare ? RARE_OPERATION : pickOperation(random(4));
    const keys = operation.name === "TagResources" ? 3 : 1;
    // Few keys are used often, many now and then.
    const key = (i: number): string => keyId(Math.floor(random(5 + i) ** 3 * KEYS));
    const resourceName = isRare ? MADE.rareKey : Array.from({ length: keys }, (_, i) => key(i)).join(",");
    const event: AuditEvent = {
      acsRegion: "cn-hangzhou",
      additionalEventData: {
        epoch,
        keyId: resourceName,
        keyRevision: 3,
        mfaPresent: false,
        nonceDigest: Buffer.from(eventId.slice(0, 16)).toString("base64url"),
        secureTransport: true,
      },
      apiVersion: "2016-01-20",
      eventId,
      eventName: operation.name,
      eventRW: operation.readWrite,
      eventSource: "kms.example.internal:8080",
      eventTime: time,
      eventType: "ApiCall",
      recipientAccountId: accountId,
      requestParameters: { EncryptionContext: `{"tenant":"${user}"}`, KeyId: resourceName },
      resourceName,
      resourceType: "ACS::KMS::Key",
      responseElements: { KeyId: resourceName, KeyVersionId: eventId.toLowerCase() },
      serviceName: "Kms",
      sourceIpAddress: isRare ? MADE.rareAddress : address(Math.floor(random(9) ** 4 * ADDRESSES)),
      userAgent: "AlibabaCloud (linux; x64) Node.js/v24 Core/1.0.8",
      userIdentity: {
        accessKeyId: isRare ? MADE.rareAccessKeyId : `LTAI5t${capitalized(user)}`,
        accountId,
        principalId: accountId,
        type: isRole ? "assumed-role" : "root-account",
        userName: isRole ? `${MADE.role}:${user}` : user,
      },
    };
    return encodeEvent(event);
  }
}

const RARE_OPERATION = { name: "ScheduleKeyDeletion", readWrite: "Write" } as const;

function pickOperation(share: number): { readonly name: string; readonly readWrite: "Read" | "Write" } {
  let rest = share;
  for (const operation of OPERATIONS) {
    rest -= operation.share;
    if (rest < 0) return operation;
  }
  return OPERATIONS[0];
}

function keyId(n: number): string {
  return `${n.toString(16).padStart(8, "0")}-7d1e-4c3a-9f00-5e2b1a90c7d4`;
}

function address(n: number): string {
  return `10.${Math.floor(n / 65_536)}.${Math.floor(n / 256) % 256}.${n % 256}`;
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** Numbers from 0 to 1 that depend on the event's number and a salt alone, so that every run makes the same events. */
function pseudoRandom(n: number): (salt: number) => number {
  return (salt) => {
    let hash = Math.imul(n + 1, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
    return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
  };
}
