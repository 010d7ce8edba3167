import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { UserPrincipal } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { hashPassword, verifyPassword } from "../src/login-profile/password-hash.ts";
import { PolicyWorld } from "./support/policy-world.ts";

const FIRST = "correct horse 1";

/** What a mock knows of its calls. */
interface Spy {
  readonly mock: {
    readonly calls: readonly {
      readonly arguments: readonly unknown[];
      readonly this: unknown;
      readonly result?: unknown;
    }[];
  };
}

test("a password's hash says how it was made, is never the same twice, and is of that password alone", async () => {
  const [one, other] = await Promise.all([hashPassword("pässword"), hashPassword("pässword")]);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.notEqual(one, other);
  assert.equal(await verifyPassword("pässword", one), true);
  assert.equal(await verifyPassword("passWord", one), false);
  await assert.rejects(async () => verifyPassword("pässword", "$2b$10$abc"), RangeError);
});

test("reads a hash that another implementation made with other parameters", async () => {
  // By argon2id_hash_encoded of the reference implementation, libargon2 20171227.
  const hash = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$rBWULD5jOGpQy32rLvGcmvQMVqIVNAmrCtekWvUA8bw";
  assert.equal(await verifyPassword("password", hash), true);
});

forEachDatabase((database) => {
  let world: PolicyWorld;
  let user: UserPrincipal;
  before(async () => {
    world = await PolicyWorld.open(database);
    user = await world.addUser("alice");
  });
  after(() => world[Symbol.asyncDispose]());

  const alice = { UserName: "alice" };

  test("lets a user log on, says how, changes it, and lets the user log on no more", async () => {
    assert.equal(await world.code("GetLoginProfile", alice), "EntityNotExist.User.LoginProfile");
    const profile = {
      UserName: "alice",
      PasswordResetRequired: true,
      MFABindRequired: false,
      CreateDate: "2026-01-02T03:04:05Z",
    };
    const made = await world.call("CreateLoginProfile", { ...alice, Password: FIRST, PasswordResetRequired: "true" });
    assert.deepEqual(made.result, { LoginProfile: profile });
    assert.ok(!JSON.stringify(made).includes(FIRST));
    assert.deepEqual(await world.ok("GetLoginProfile", alice), { LoginProfile: profile });
    assert.equal(
      await world.code("CreateLoginProfile", { ...alice, Password: FIRST }),
      "EntityAlreadyExists.User.LoginProfile",
    );
    assert.deepEqual(await world.ok("UpdateLoginProfile", { ...alice, MFABindRequired: "true" }), {});
    assert.deepEqual(await world.ok("GetLoginProfile", alice), {
      LoginProfile: { ...profile, MFABindRequired: true },
    });
    await world.ok("DeleteLoginProfile", alice);
    assert.equal(await world.code("UpdateLoginProfile", alice), "EntityNotExist.User.LoginProfile");
    assert.equal(await world.code("DeleteLoginProfile", alice), "EntityNotExist.User.LoginProfile");
  });

  test("a user changes its own password, with the old one, and nobody else's", async () => {
    await world.ok("CreateLoginProfile", { ...alice, Password: FIRST, PasswordResetRequired: "true" });
    const change = (OldPassword: string, NewPassword: string) =>
      world.code("ChangePassword", { OldPassword, NewPassword }, { as: user });
    assert.equal(await world.code("ChangePassword", { OldPassword: FIRST, NewPassword: "x" }), "NotSupport.Account");
    assert.equal(await change("a wrong one", "another one 2"), "InvalidParameter.OldPassword.Incorrect");
    assert.equal(await change(FIRST, "short"), "InvalidParameter.NewPassword.TooWeak");
    assert.equal(await change(FIRST, "another one 2"), undefined);
    assert.equal(await change(FIRST, "another one 3"), "InvalidParameter.OldPassword.Incorrect");
    const { LoginProfile } = await world.ok<{ LoginProfile: Record<string, unknown> }>("GetLoginProfile", alice);
    assert.equal(LoginProfile["PasswordResetRequired"], false);
    await world.ok("DeleteLoginProfile", alice);
  });

  test("the old password cannot be guessed: so many tries in an hour, until another one is set", async () => {
    const bob = await world.addUser("bob");
    const name = { UserName: "bob" };
    await world.ok("SetPasswordPolicy", { MaxLoginAttemps: "3" });
    await world.ok("CreateLoginProfile", { ...name, Password: FIRST });
    const change = (OldPassword: string, NewPassword = "short") =>
      world.code("ChangePassword", { OldPassword, NewPassword }, { as: bob });
    const [wrong, tooOften] = ["InvalidParameter.OldPassword.Incorrect", "Rejected.Throttling"];
    const guess = (tries: number) => Promise.all(Array.from({ length: tries }, (_, i) => change(`a guess ${i}`)));
    assert.deepEqual(new Set(await guess(3)), new Set([wrong]));
    assert.deepEqual(await guess(2), [tooOften, tooOften]);
    assert.equal(await change(FIRST), tooOften, "not even the right one is told");

    world.now += 3_599_999;
    assert.equal(await change(FIRST), tooOften);
    world.now += 1;
    assert.deepEqual(await guess(2), [wrong, wrong]);
    assert.equal(await change(FIRST), "InvalidParameter.NewPassword.TooWeak", "the right one is, and ends the count");
    assert.equal((await guess(4)).filter((code) => code === wrong).length, 3, "at once or one after the other");

    await world.ok("UpdateLoginProfile", { ...name, Password: "set by another 1" });
    assert.equal(await change("set by another 1", FIRST), undefined);
    await world.ok("SetPasswordPolicy", { MaxLoginAttemps: "0" });
    assert.deepEqual(new Set(await guess(7)), new Set([wrong]));
    await world.ok("SetPasswordPolicy");
    await world.ok("DeleteLoginProfile", name);
  });

  test("hashes are cleared where they were open", async (t) => {
    const encoding = (t.mock.method(Buffer, "from") as Spy).mock;
    const decoding = (t.mock.method(Buffer.prototype, "toString") as Spy).mock;
    await world.ok("CreateLoginProfile", { ...alice, Password: FIRST });
    const change = { OldPassword: FIRST, NewPassword: "another one 2" };
    assert.equal(await world.code("ChangePassword", change, { as: user }), undefined);
    t.mock.restoreAll();
    const isOpen = (text: unknown): boolean => typeof text === "string" && text.includes("$argon2id$");
    const encoded = encoding.calls.filter((call) => isOpen(call.arguments[0])).map((call) => call.result);
    const decoded = decoding.calls.filter((call) => isOpen(call.result)).map((call) => call.this);
    assert.deepEqual([encoded.length > 0, decoded.length > 0], [true, true], "both were seen");
    for (const bytes of [...encoded, ...decoded]) {
      assert.ok(bytes instanceof Buffer);
      assert.ok(bytes.every((byte) => byte === 0));
    }
    await world.ok("DeleteLoginProfile", alice);
  });

  test("passwords are as the account's policy asks, and old ones are not chosen again", async () => {
    await world.ok("SetPasswordPolicy", {
      MinimumPasswordLength: "10",
      RequireLowercaseCharacters: "true",
      RequireUppercaseCharacters: "true",
      RequireNumbers: "true",
      RequireSymbols: "true",
      PasswordReusePrevention: "2",
    });
    const refusals: [password: string, lacks: string][] = [
      ["Ab1!Ab1!A", "at least 10 characters"],
      ["AB1!AB1!AB1!", "a lowercase letter"],
      ["ab1!ab1!ab1!", "an uppercase letter"],
      ["Abc!Abc!Abc!", "a digit"],
      ["Abc1Abc1Abc1", "a character that is no letter and no digit"],
    ];
    for (const [Password, lacks] of refusals) {
      assert.equal(
        await world.refusal("CreateLoginProfile", { ...alice, Password }),
        `InvalidParameter.Password.TooWeak: The parameter - "Password" is not compliant with the password policy. It must have ${lacks}.`,
      );
    }
    const [one, two, three] = ["Ab1!Ab1!Ab1!", "Ab2!Ab2!Ab2!", "Ab3!Ab3!Ab3!"] as const;
    await world.ok("CreateLoginProfile", { ...alice, Password: one });
    assert.equal(
      await world.code("UpdateLoginProfile", { ...alice, Password: "weak" }),
      "InvalidParameter.Password.TooWeak",
    );
    const change = (OldPassword: string, NewPassword: string) =>
      world.code("ChangePassword", { OldPassword, NewPassword }, { as: user });
    const reused = "InvalidParameter.NewPassword.ReusePrevention";
    assert.equal(await change(one, one), reused);
    assert.equal(await change(one, two), undefined);
    assert.equal(await change(two, one), reused);
    assert.equal(await change(two, three), undefined);
    assert.equal(await change(three, one), undefined);
    await world.ok("DeleteLoginProfile", alice);
    await world.ok("SetPasswordPolicy");
  });

  test("where users may not change their passwords, they need the right to, and a Deny takes it from them where they may", async () => {
    await world.ok("CreateLoginProfile", { ...alice, Password: FIRST });
    const change = { OldPassword: FIRST, NewPassword: FIRST };
    const policy = async (PolicyName: string, Effect: "Allow" | "Deny") => {
      const Resource = `acs:ram:*:${world.accountId}:user/alice`;
      const document = { Version: "1", Statement: [{ Effect, Action: "ram:ChangePassword", Resource }] };
      await world.ok("CreatePolicy", { PolicyName, PolicyDocument: JSON.stringify(document) });
      await world.ok("AttachPolicyToUser", { ...alice, PolicyType: "Custom", PolicyName });
      return () => world.ok("DetachPolicyFromUser", { ...alice, PolicyType: "Custom", PolicyName });
    };
    await world.ok("SetSecurityPreference", { AllowUserToChangePassword: "false" });
    assert.equal(await world.code("ChangePassword", change, { as: user }), "NoPermission");
    const detachAllow = await policy("changes-password", "Allow");
    assert.equal(await world.code("ChangePassword", change, { as: user }), undefined);
    await detachAllow();
    await world.ok("SetSecurityPreference", { AllowUserToChangePassword: "true" });
    assert.equal(await world.code("ChangePassword", change, { as: user }), undefined);
    await policy("keeps-password", "Deny");
    assert.equal(await world.code("ChangePassword", change, { as: user }), "NoPermission");
  });
});
