import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newKeyVersionId } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { DAY_MILLIS, REGION, World } from "./world.ts";

interface Version {
  readonly KeyId: string;
  readonly KeyVersionId: string;
  readonly CreationDate: string;
}
interface Listed {
  readonly KeyVersions: { readonly KeyVersion: readonly Version[] };
  readonly PageNumber: number;
  readonly PageSize: number;
  readonly TotalCount: number;
}

const FIFTY = 50;

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  async function metadata(KeyId: string): Promise<Readonly<Record<string, string>>> {
    return (await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId })).KeyMetadata;
  }

  async function addVersion(KeyId: string): Promise<Version> {
    return (await world.ok<{ KeyVersion: Version }>("CreateKeyVersion", { KeyId })).KeyVersion;
  }

  test("a new version of a symmetric key encrypts from then on, and older ciphertexts stay readable", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey();
    await own.ok("CreateAlias", { KeyId, AliasName: "alias/orders" });
    const blobs = [await own.encrypt({ KeyId, Plaintext: "first" })];
    const made: string[] = [];
    for (const Plaintext of ["second", "third"]) {
      own.now += DAY_MILLIS;
      const { result, noted, resource } = await own.call("CreateKeyVersion", { KeyId: "alias/orders" });
      const version = result?.["KeyVersion"] as Version;
      const CreationDate = `${new Date(own.now).toISOString().slice(0, 19)}Z`;
      assert.deepEqual(version, { KeyId, KeyVersionId: version.KeyVersionId, CreationDate });
      assert.deepEqual(
        [noted["keyId"], noted["keyVersionId"], noted["alias"], resource],
        [KeyId, version.KeyVersionId, "alias/orders", `ACS::KMS::Key ${KeyId}`],
      );
      const encrypted = await own.ok<{ KeyVersionId: string; CiphertextBlob: string }>("Encrypt", { KeyId, Plaintext });
      assert.equal(encrypted.KeyVersionId, version.KeyVersionId);
      blobs.push(encrypted.CiphertextBlob);
      made.push(version.KeyVersionId);
      const { KeyMetadata } = await own.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
      assert.deepEqual(
        [KeyMetadata["PrimaryKeyVersion"], KeyMetadata["LastRotationDate"]],
        [version.KeyVersionId, CreationDate],
      );
    }
    assert.equal(new Set(made).size, 2);
    for (const [i, CiphertextBlob] of blobs.entries()) {
      const { Plaintext } = await own.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob });
      assert.equal(Plaintext, ["first", "second", "third"][i]);
    }
  });

  test("a further version of a pair signs beside the first one, and none is primary", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey({ KeySpec: "EC_P256" });
    own.now += DAY_MILLIS;
    const { KeyVersion } = await own.ok<{ KeyVersion: Version }>("CreateKeyVersion", { KeyId });
    const { KeyMetadata } = await own.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
    assert.equal(KeyMetadata["PrimaryKeyVersion"], undefined);
    assert.equal(KeyMetadata["LastRotationDate"], KeyVersion.CreationDate);
    const { KeyVersions } = await own.ok<Listed>("ListKeyVersions", { KeyId });
    assert.equal(KeyVersions.KeyVersion.length, 2);
    const Digest = Buffer.alloc(32, 7).toString("base64");
    const signed = { KeyId, Algorithm: "ECDSA_SHA_256", Digest };
    for (const { KeyVersionId } of KeyVersions.KeyVersion) {
      const { Value } = await own.ok<{ Value: string }>("AsymmetricSign", { ...signed, KeyVersionId });
      for (const other of KeyVersions.KeyVersion) {
        const parameters = { ...signed, KeyVersionId: other.KeyVersionId, Value };
        const { Value: isRight } = await own.ok<{ Value: boolean }>("AsymmetricVerify", parameters);
        assert.equal(isRight, other.KeyVersionId === KeyVersionId);
      }
    }
  });

  test("lists the versions of a key newest first, in pages, also those that were made in one instant", async () => {
    const KeyId = await world.createKey();
    const first = await metadata(KeyId);
    const made = [first["PrimaryKeyVersion"]];
    for (let i = 0; i < 11; i++) made.unshift((await addVersion(KeyId)).KeyVersionId);
    const ids = async (parameters: Readonly<Record<string, string>>): Promise<(string | undefined)[]> => {
      const page = await world.ok<Listed>("ListKeyVersions", { KeyId, ...parameters });
      assert.equal(page.TotalCount, 12);
      return page.KeyVersions.KeyVersion.map(({ KeyVersionId }) => KeyVersionId);
    };
    assert.deepEqual(await ids({}), made.slice(0, 10));
    assert.deepEqual(await ids({ PageNumber: "2" }), made.slice(10));
    assert.deepEqual(await ids({ PageNumber: "2", PageSize: "5" }), made.slice(5, 10));
    assert.deepEqual(await ids({ PageSize: "101" }), made);
    assert.deepEqual(await ids({ PageSize: "0" }), []);
    assert.deepEqual(await ids({ PageNumber: "3" }), []);
    const arn = `acs:kms:${REGION}:${world.accountId}:key/${KeyId}`;
    assert.equal((await world.ok<Listed>("ListKeyVersions", { KeyId: arn })).TotalCount, 12);
  });

  test("describes a version of the key that is named, and of no other", async () => {
    const [KeyId, other] = [await world.createKey(), await world.createKey()];
    const { KeyVersionId } = await addVersion(KeyId);
    const { KeyVersion } = await world.ok<{ KeyVersion: Version }>("DescribeKeyVersion", { KeyId, KeyVersionId });
    assert.deepEqual([KeyVersion.KeyId, KeyVersion.KeyVersionId], [KeyId, KeyVersionId]);
    const NOT_FOUND = "Forbidden.KeyVersionNotFound: The specified Key version is not found.";
    for (const parameters of [
      { KeyId: other, KeyVersionId },
      { KeyId, KeyVersionId: newKeyVersionId() },
      { KeyId, KeyVersionId: "no version" },
    ]) {
      assert.equal(await world.refusal("DescribeKeyVersion", parameters), NOT_FOUND);
    }
  });

  test("makes the fiftieth version of a key, not the next one, and loads such a key at once", async (t) => {
    const KeyId = await world.createKey();
    const blob = await world.encrypt({ KeyId, Plaintext: "first" });
    for (let i = 1; i < FIFTY; i++) await addVersion(KeyId);
    assert.equal(
      await world.refusal("CreateKeyVersion", { KeyId }),
      "Rejected.LimitExceeded: The request was rejected because user create resource limit was exceeded. The key has 50 versions: make a new key, and point the aliases of this one to it.",
    );
    assert.equal((await world.ok<Listed>("ListKeyVersions", { KeyId })).TotalCount, FIFTY);
    await world.tamper(() => Promise.resolve());
    const before = performance.now();
    assert.equal((await world.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob: blob })).Plaintext, "first");
    t.diagnostic(`a key with ${FIFTY} versions was loaded and used in ${(performance.now() - before).toFixed(1)} ms`);
  });

  test("keys of other accounts have no versions to be seen or made", async () => {
    const stranger = await world.addAccount();
    const KeyId = await world.createKey();
    const { PrimaryKeyVersion: KeyVersionId = "" } = await metadata(KeyId);
    const NOT_FOUND = "Forbidden.KeyNotFound: The specified Key is not found.";
    for (const name of ["CreateKeyVersion", "DescribeKeyVersion", "ListKeyVersions", "UpdateRotationPolicy"]) {
      for (const named of [KeyId, `acs:kms:${REGION}:${world.accountId}:key/${KeyId}`]) {
        const parameters = { KeyId: named, KeyVersionId, EnableAutomaticRotation: "true", RotationInterval: "7d" };
        assert.equal(await world.refusal(name, parameters, { as: stranger }), NOT_FOUND, name);
      }
    }
  });

  test("a version that was swapped for another key's is noticed", async () => {
    const [one, other] = [await world.createKey(), await world.createKey()];
    const { KeyVersionId } = await addVersion(one);
    await world.tamper((db) =>
      db.updateTable("key_version").set({ key_id: other }).where("id", "=", KeyVersionId).execute(),
    );
    await assert.rejects(world.call("ListKeyVersions", { KeyId: other }), { name: "TamperedRowError" });
  });
});
