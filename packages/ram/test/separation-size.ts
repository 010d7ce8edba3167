import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { TestDatabase } from "@cinnabar/testkit";
import { PolicyWorld } from "./support/policy-world.ts";

const USAGE = `usage: node packages/ram/test/separation-size.ts [--users N] [--roles N]

Measures how long it takes to find whom a change gives both rights to a key, and who may use one, in a large account on SQLite:
N users (10,000) in one group, and N roles (200) that may all assume one another. Medians of several calls each, the first of
which reads everything for the first time, and the most CPU time for which any of them kept the event loop at a stretch.
`;
const CALLS = 7;

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "10000" },
    roles: { type: "string", default: "200" },
    help: { type: "boolean", default: false },
  },
});

const sqlite: TestDatabase = {
  name: "sqlite",
  async create() {
    const directory = await mkdtemp(join(tmpdir(), "cinnabar-sqlite-"));
    const drop = () => rm(directory, { recursive: true });
    return { url: `sqlite:${join(directory, "cinnabar.db")}`, drop, [Symbol.asyncDispose]: drop };
  },
};

async function measureAll(users: number, roles: number): Promise<void> {
  await using world = await PolicyWorld.open(sqlite);
  const policy = (...actions: readonly string[]) =>
    JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] });
  const policies = { use: ["kms:Encrypt"], manage: ["kms:DisableKey"], look: ["kms:DescribeKey"], assume: ["sts:*"] };
  for (const [PolicyName, actions] of Object.entries(policies)) {
    await world.ok("CreatePolicy", { PolicyName, PolicyDocument: policy(...actions) });
  }
  const custom = (PolicyName: string) => ({ PolicyType: "Custom", PolicyName });
  const everybody = await world.addUsers(Array.from({ length: users }, (_, i) => `user-${i}`));
  await world.joinAll(everybody, await world.addGroup("everybody"));
  const toGroup = (name: string) => ({ GroupName: "everybody", ...custom(name) });
  const trust = JSON.stringify({
    Version: "1",
    Statement: [
      { Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: [`acs:ram::${world.accountId}:root`] } },
    ],
  });
  await world.ok("SetSeparationOfDuties", { SeparationOfDuties: "off" });
  for (let i = 0; i < roles; i++) {
    await world.ok("CreateRole", { RoleName: `role-${i}`, AssumeRolePolicyDocument: trust });
    await world.ok("AttachPolicyToRole", { RoleName: `role-${i}`, ...custom("assume") });
  }
  await world.ok("AttachPolicyToRole", { RoleName: "role-0", ...custom("use") });
  await world.ok("SetSeparationOfDuties", { SeparationOfDuties: "warn" });
  const toRole = { RoleName: `role-${roles - 1}`, ...custom("manage") };

  await measure(`a group of ${users} gets half a right`, {
    call: () => world.ok("AttachPolicyToGroup", toGroup("use")),
    undo: () => world.ok("DetachPolicyFromGroup", toGroup("use")),
  });
  await world.ok("AttachPolicyToGroup", toGroup("use"));
  await measure(`a group of ${users} gets the other half`, {
    call: () => world.ok("AttachPolicyToGroup", toGroup("manage")),
    undo: () => world.ok("DetachPolicyFromGroup", toGroup("manage")),
  });
  await measure(`one of ${roles} mutual roles gets the other half`, {
    call: () => world.ok("AttachPolicyToRole", toRole),
    undo: () => world.ok("DetachPolicyFromRole", toRole),
  });
  const asked = { "AuthAction.1": "kms:Encrypt", AuthResource: `acs:kms:cn-hangzhou:${world.accountId}:key/1` };
  await measure(`who can, first 100 of ${users}`, { call: () => world.ok("ListPrincipalsForAction", asked) });
  const both = () => world.ok("ListPrincipalsWithBothRights", { AuthResource: "*" });
  await measure(`who has both, nobody of ${users}`, { call: both });
  await world.ok("AttachPolicyToGroup", toGroup("manage"));
  await measure(`who has both, first 100 of ${users}`, { call: both });
  await world.ok("DetachPolicyFromGroup", toGroup("manage"));
  await world.ok("AttachPolicyToGroup", toGroup("assume"));
  await measure(`one of ${roles} mutual roles that ${users} may assume gets the other half`, {
    call: () => world.ok("AttachPolicyToRole", toRole),
    undo: () => world.ok("DetachPolicyFromRole", toRole),
  });
}

/** How long the event loop is kept at a stretch, in milliseconds of this thread's CPU time: other processes are not counted. */
class LongestTurn {
  #longest = 0;
  #last = this.#spent();
  #next = setImmediate(() => this.#turn());

  stop(): number {
    clearImmediate(this.#next);
    return this.#longest;
  }

  #turn(): void {
    const now = this.#spent();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
    this.#next = setImmediate(() => this.#turn());
  }

  #spent(): number {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  }
}

interface Measured {
  readonly call: () => Promise<object>;
  readonly undo?: () => Promise<object>;
}

async function measure(title: string, { call, undo }: Measured): Promise<void> {
  const millis: number[] = [];
  let longest = 0;
  for (let i = 0; i < CALLS; i++) {
    const turns = new LongestTurn();
    const began = performance.now();
    const answer = await call();
    millis.push(performance.now() - began);
    longest = Math.max(longest, turns.stop());
    if (i === 0) process.stdout.write(`${title}: ${summaryOf(answer)}\n`);
    await undo?.();
  }
  const [first = 0] = millis;
  const median = millis.toSorted((one, other) => one - other)[CALLS >> 1] ?? 0;
  process.stdout.write(
    `  ${median.toFixed(0)} ms, the first ${first.toFixed(0)} ms; longest turn ${longest.toFixed(1)} ms\n`,
  );
}

function summaryOf(answer: object): string {
  const { Warnings, Principals } = answer as {
    readonly Warnings?: { readonly Warning: readonly object[] };
    readonly Principals?: { readonly Principal: readonly object[] };
  };
  if (Principals !== undefined) return `${Principals.Principal.length} told`;
  return Warnings === undefined ? "no warning" : `${Warnings.Warning.length} warnings`;
}

if (values.help) process.stdout.write(USAGE);
else await measureAll(Number(values.users), Number(values.roles));
