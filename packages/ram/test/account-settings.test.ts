import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newAccountId } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { PolicyWorld } from "./support/policy-world.ts";

const DEFAULT_POLICY = {
  MinimumPasswordLength: 8,
  RequireLowercaseCharacters: false,
  RequireUppercaseCharacters: false,
  RequireNumbers: false,
  RequireSymbols: false,
  HardExpiry: false,
  MaxPasswordAge: 0,
  PasswordReusePrevention: 0,
  MaxLoginAttemps: 5,
};

const DEFAULT_PREFERENCE = {
  LoginProfilePreference: {
    AllowUserToChangePassword: true,
    EnableSaveMFATicket: false,
    LoginNetworkMasks: "",
    LoginSessionDuration: 6,
  },
  AccessKeyPreference: { AllowUserToManageAccessKeys: false },
  MFAPreference: { AllowUserToManageMFADevices: true },
  PublicKeyPreference: { AllowUserToManagePublicKeys: false },
};

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  test("the password policy is as published until it is set, and what is left out is so again", async () => {
    assert.deepEqual(await world.ok("GetPasswordPolicy"), { PasswordPolicy: DEFAULT_POLICY });
    const set = { ...DEFAULT_POLICY, MinimumPasswordLength: 32, RequireNumbers: true, MaxPasswordAge: 1095 };
    const wire = { MinimumPasswordLength: "32", RequireNumbers: "true", MaxPasswordAge: "1095" };
    assert.deepEqual(await world.ok("SetPasswordPolicy", wire), { PasswordPolicy: set });
    assert.deepEqual(await world.ok("GetPasswordPolicy"), { PasswordPolicy: set });
    const next = { ...DEFAULT_POLICY, MaxLoginAttemps: 0 };
    assert.deepEqual(await world.ok("SetPasswordPolicy", { MaxLoginAttemps: "0" }), { PasswordPolicy: next });
    assert.deepEqual(await world.ok("GetPasswordPolicy"), { PasswordPolicy: next });
    for (const length of ["7", "33", "8.5"]) {
      assert.equal(
        await world.code("SetPasswordPolicy", { MinimumPasswordLength: length }),
        "InvalidParameter.MinimumPasswordLength.Range",
      );
    }
    assert.equal(await world.code("SetPasswordPolicy", { PasswordReusePrevention: "25" }), "InvalidParameter");
    assert.equal(await world.code("SetPasswordPolicy", { RequireNumbers: "yes" }), "InvalidParameter");
    assert.deepEqual(await world.ok("GetPasswordPolicy"), { PasswordPolicy: next });
  });

  test("the security preference is as published until it is set, and what is left out is so again", async () => {
    assert.deepEqual(await world.ok("GetSecurityPreference"), { SecurityPreference: DEFAULT_PREFERENCE });
    const masks = "10.0.0.0/8;192.168.1.7;fd00::/8";
    const set = {
      ...DEFAULT_PREFERENCE,
      LoginProfilePreference: {
        ...DEFAULT_PREFERENCE.LoginProfilePreference,
        LoginNetworkMasks: masks,
        LoginSessionDuration: 24,
      },
      AccessKeyPreference: { AllowUserToManageAccessKeys: true },
    };
    const wire = { LoginNetworkMasks: masks, LoginSessionDuration: "24", AllowUserToManageAccessKeys: "true" };
    assert.deepEqual(await world.ok("SetSecurityPreference", wire), { SecurityPreference: set });
    assert.deepEqual(await world.ok("GetSecurityPreference"), { SecurityPreference: set });
    for (const LoginNetworkMasks of [
      "10.0.0.0/33",
      "10.0.0.0/8,10.0.0.0/9",
      "example.com",
      "::1/129",
      ";",
      Array.from({ length: 41 }, () => "10.0.0.1").join(";"),
      "1".repeat(513),
    ]) {
      const refusal = await world.refusal("SetSecurityPreference", { LoginNetworkMasks });
      assert.match(refusal, /^InvalidParameter: .*"LoginNetworkMasks"/, LoginNetworkMasks);
    }
    assert.equal(await world.code("SetSecurityPreference", { LoginSessionDuration: "25" }), "InvalidParameter");
    assert.deepEqual(await world.ok("SetSecurityPreference"), { SecurityPreference: DEFAULT_PREFERENCE });
  });

  test("an account has one alias, and gives it up for another or for none", async () => {
    assert.deepEqual(await world.ok("GetAccountAlias"), {});
    for (const AccountAlias of ["my-company", world.accountId, "123", "other-1", "other-1"]) {
      assert.deepEqual(await world.ok("SetAccountAlias", { AccountAlias }), {});
      assert.deepEqual(await world.ok("GetAccountAlias"), { AccountAlias });
    }
    for (const [AccountAlias, code] of [
      ["ab", "Length"],
      ["a".repeat(33), "Length"],
      ["-abc", "Format"],
      ["abc-", "Format"],
      ["a--b", "Format"],
      ["ABC", "Format"],
      ["a b", "Format"],
      [newAccountId(), "Format"],
    ] as const) {
      assert.equal(
        await world.code("SetAccountAlias", { AccountAlias }),
        `InvalidParameter.AccountAlias.${code}`,
        AccountAlias,
      );
    }
    const neighbour = await world.addAccount();
    assert.equal(
      await world.code("SetAccountAlias", { AccountAlias: "other-1" }, { as: neighbour }),
      "EntityAlreadyExists.AccountAlias",
    );
    assert.deepEqual(await world.ok("ClearAccountAlias"), {});
    assert.deepEqual(await world.ok("GetAccountAlias"), {});
    assert.deepEqual(await world.ok("ClearAccountAlias"), {});
    assert.equal(await world.code("SetAccountAlias", { AccountAlias: "other-1" }, { as: neighbour }), undefined);
  });

  test("a policy that was weakened behind the server's back is found", async () => {
    await world.ok("SetPasswordPolicy", { MinimumPasswordLength: "20" });
    await world.tamper("update password_policy set minimum_length = 8");
    await assert.rejects(world.call("GetPasswordPolicy"), /password_policy/);
  });
});
