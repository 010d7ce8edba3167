import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type AccountKeys,
  accountKeysKind,
  DeploymentKeys,
  type EntityFinder,
  issueSessionKeyId,
  newAccountId,
  newRoleId,
  RootKey,
} from "@cinnabar/kernel";
import { sealSecurityToken } from "../src/sts/security-token.ts";
import { SessionFinder } from "../src/sts/session-finder.ts";
import { sessionKeysOf } from "../src/sts/session-keys.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const KEY_VERSION = 1;
const TURNS = 50;

test("an account's key that is destroyed is kept in memory by no session that was found", async () => {
  const keys = DeploymentKeys.derive(RootKey.generate());
  const { name: keysName } = accountKeysKind(keys);
  const finder = new SessionFinder(keys);
  let accountKeys: AccountKeys | undefined;
  const entities: EntityFinder = {
    find: (kind) => (kind.name === keysName ? (accountKeys as never) : undefined),
  };
  const open = () => {
    const accountId = newAccountId();
    const key = createSecretKey(randomBytes(32));
    const accessKeyId = issueSessionKeyId(keys.accessKeyTag, { accountId, keyVersion: KEY_VERSION });
    accountKeys = { current: { version: KEY_VERSION, key }, byVersion: new Map([[KEY_VERSION, key]]) };
    const claims = { accountId, accessKeyId, roleId: newRoleId(), roleName: "role", roleRevision: 1 };
    const times = { sessionName: "session", startedAt: 0, expiresAt: 1, mfaPresent: false };
    const origin = { sourceAccountId: accountId, provider: undefined, earlierRoles: [], policy: undefined };
    const sealing = { keys: sessionKeysOf(key), keyVersion: KEY_VERSION };
    const securityToken = sealSecurityToken({ ...claims, ...times, ...origin }, sealing);
    return { presented: { accessKeyId, securityToken }, key: new WeakRef(key) };
  };
  const { presented, key } = open();
  const found = await finder.find(entities, presented);
  assert.equal(found.secret === undefined ? found.rejectedAs : found.principal.type, "assumed-role");

  accountKeys = undefined;
  for (let turn = 0; turn < TURNS && key.deref() !== undefined; turn++) {
    // What was looked at is let go of after the turn.
    await new Promise((next) => setImmediate(next));
    collectGarbage();
  }
  assert.equal(key.deref(), undefined);
  const after = await finder.find(entities, presented);
  assert.equal(after.secret === undefined && after.rejectedAs, "InvalidSecurityToken.Expired");
});
