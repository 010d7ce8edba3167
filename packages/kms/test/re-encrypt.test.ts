import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { newKeyId, newKeyVersionId, SoftwareKeystore, TamperedRowError } from "@cinnabar/kernel";
import { AuthenticationError } from "@cinnabar/crypto";
import { forEachDatabase } from "@cinnabar/testkit";
import { RECEIVER } from "./receiver.ts";
import { DAY_MILLIS, REGION, World } from "./world.ts";

const NOT_FOUND = "Forbidden.KeyNotFound: The specified Key is not found.";
const BAD_BLOB = 'InvalidParameter: The specified parameter "CiphertextBlob" is not valid.';
const UNSUPPORTED_ALIAS = "Unsupported.Alias: Alias is not valid for this api.";

interface Sealed {
  readonly KeyId: string;
  readonly KeyVersionId: string;
  readonly CiphertextBlob: string;
}

/** Remembers what it opened, to see whether that is cleared. */
class WatchedKeystore extends SoftwareKeystore {
  readonly opened: Uint8Array[] = [];
  broken = false;
  override seal(...input: Parameters<SoftwareKeystore["seal"]>): Buffer {
    if (this.broken) throw new AuthenticationError();
    return super.seal(...input);
  }
  override open(...input: Parameters<SoftwareKeystore["open"]>): Buffer {
    const plaintext = super.open(...input);
    this.opened.push(plaintext);
    return plaintext;
  }
}

forEachDatabase((database) => {
  let world: World;
  let source: string;
  let destination: string;
  before(async () => {
    world = await World.open(database);
    source = await world.createKey();
    destination = await world.createKey();
  });
  after(() => world[Symbol.asyncDispose]());

  const seal = (parameters: Record<string, string> = {}) =>
    world.encrypt({ KeyId: source, Plaintext: "aGVsbG8=", ...parameters });
  const newPair = async (KeySpec: string) => {
    const KeyId = await world.createKey({ KeySpec, KeyUsage: "ENCRYPT/DECRYPT" });
    const listed = await world.ok<{ KeyVersions: { KeyVersion: { KeyVersionId: string }[] } }>("ListKeyVersions", {
      KeyId,
    });
    return { KeyId, KeyVersionId: listed.KeyVersions.KeyVersion[0]?.KeyVersionId ?? "" };
  };
  const sourceOf = (pair: { KeyId: string; KeyVersionId: string }, SourceEncryptionAlgorithm: string) => ({
    SourceKeyId: pair.KeyId,
    SourceKeyVersionId: pair.KeyVersionId,
    SourceEncryptionAlgorithm,
  });
  const reEncrypt = (parameters: Record<string, string>) =>
    world.ok<Sealed>("ReEncrypt", { DestinationKeyId: destination, ...parameters });
  const refusal = (parameters: Record<string, string>) =>
    world.refusal("ReEncrypt", { DestinationKeyId: destination, ...parameters });
  const open = (parameters: Record<string, string>) => world.ok<Sealed & { Plaintext: string }>("Decrypt", parameters);

  test("gives the same text under the destination's primary version, and says which that is", async () => {
    const { KeyMetadata } = await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", {
      KeyId: destination,
    });
    for (const Plaintext of ["aGVsbG8=", "not base64: 鍵 \0", Buffer.alloc(6144, 0xff).toString("base64")]) {
      const { CiphertextBlob, ...ids } = await reEncrypt({ CiphertextBlob: await seal({ Plaintext }) });
      assert.deepEqual(ids, { KeyId: destination, KeyVersionId: KeyMetadata["PrimaryKeyVersion"] });
      assert.equal(Buffer.from(CiphertextBlob, "base64").toString("latin1", 0, 36), ids.KeyVersionId);
      assert.deepEqual(await open({ CiphertextBlob }), { ...ids, Plaintext });
    }
  });

  test("a data key stays the same, and a ciphertext can go to its own key and back", async () => {
    const made = await world.ok<Sealed & { Plaintext: string }>("GenerateDataKey", { KeyId: source });
    const there = await reEncrypt({ CiphertextBlob: made.CiphertextBlob });
    const again = await reEncrypt({ CiphertextBlob: there.CiphertextBlob });
    const back = await reEncrypt({ CiphertextBlob: again.CiphertextBlob, DestinationKeyId: source });
    const blobs = [made, there, again, back].map(({ CiphertextBlob }) => CiphertextBlob);
    assert.equal(new Set(blobs).size, 4);
    for (const CiphertextBlob of blobs) assert.equal((await open({ CiphertextBlob })).Plaintext, made.Plaintext);
    assert.equal(back.KeyId, source);
  });

  test("each context belongs to its own side: the old one opens, the new one seals", async () => {
    const old = '{"a":"1","b":"2"}';
    const CiphertextBlob = await seal({ EncryptionContext: old });
    const moved = await reEncrypt({
      CiphertextBlob,
      "SourceEncryptionContext.b": "2",
      "SourceEncryptionContext.a": "1",
      DestinationEncryptionContext: '{"c":"3"}',
    });
    assert.equal(
      (await open({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext: '{"c":"3"}' })).Plaintext,
      "aGVsbG8=",
    );
    for (const EncryptionContext of ["", old]) {
      assert.equal(
        await world.refusal("Decrypt", { CiphertextBlob: moved.CiphertextBlob, EncryptionContext }),
        BAD_BLOB,
      );
    }
    const bare = await reEncrypt({ CiphertextBlob, SourceEncryptionContext: old });
    assert.equal((await open({ CiphertextBlob: bare.CiphertextBlob })).Plaintext, "aGVsbG8=");

    for (const SourceEncryptionContext of ["", "{}", '{"a":"1"}', '{"a":"1&b=2"}', '{"c":"3"}']) {
      assert.equal(
        await refusal({ CiphertextBlob, SourceEncryptionContext, DestinationEncryptionContext: old }),
        BAD_BLOB,
      );
    }
    assert.equal(await refusal({ CiphertextBlob: await seal(), SourceEncryptionContext: old }), BAD_BLOB);
  });

  test("every altered bit is refused in the same words, and an unknown version as a key that is not there", async () => {
    const bytes = Buffer.from(await seal(), "base64");
    for (let i = 36; i < bytes.length; i += 7) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(i) ^ 1, i);
      assert.equal(await refusal({ CiphertextBlob: altered.toString("base64") }), BAD_BLOB);
    }
    const foreign = Buffer.concat([Buffer.from(newKeyVersionId(), "latin1"), bytes.subarray(36)]).toString("base64");
    assert.equal(await refusal({ CiphertextBlob: foreign }), NOT_FOUND);
  });

  test("the event says both keys, whatever the order in which the keys were made", async () => {
    await world.ok("UpdateKeyDescription", { KeyId: destination, Description: "a second revision" });
    for (const [from, to, revisions] of [
      [source, destination, [1, 2]],
      [destination, source, [2, 1]],
    ] as const) {
      const sealed = await world.ok<Sealed>("Encrypt", { KeyId: from, Plaintext: "eA==" });
      const { CiphertextBlob, KeyVersionId } = sealed;
      const { noted, resource } = await world.call("ReEncrypt", { CiphertextBlob, DestinationKeyId: to });
      assert.deepEqual(noted, {
        keyId: to,
        keyRevision: revisions[1],
        sourceKeyId: from,
        sourceKeyRevision: revisions[0],
        sourceKeyVersionId: KeyVersionId,
      });
      assert.equal(resource, `ACS::KMS::Key ${to}`);
    }
  });

  test("takes the source's own ids, and refuses any others in the same words", async () => {
    const { CiphertextBlob, KeyVersionId } = await world.ok<Sealed>("Encrypt", { KeyId: source, Plaintext: "eA==" });
    await reEncrypt({ CiphertextBlob, SourceKeyId: source });
    await reEncrypt({ CiphertextBlob, SourceKeyId: source, SourceKeyVersionId: KeyVersionId });
    const answers = new Set<string>();
    for (const SourceKeyId of [destination, newKeyId(), `acs:kms:${REGION}:${world.accountId}:key/${source}`]) {
      answers.add(await refusal({ CiphertextBlob, SourceKeyId }));
    }
    assert.equal(answers.size, 1);
    assert.match([...answers].join(), /^InvalidParameter: The specified parameter "SourceKeyId" is not valid\. /);
    for (const SourceKeyVersionId of [newKeyVersionId(), source]) {
      assert.match(
        await refusal({ CiphertextBlob, SourceKeyVersionId }),
        /^InvalidParameter: The specified parameter "SourceKeyVersionId" is not valid\. /,
      );
    }
    assert.equal(await refusal({ CiphertextBlob, SourceKeyId: "alias/any" }), UNSUPPORTED_ALIAS);
  });

  test("takes what was encrypted with a public key, and gives what Decrypt then gives", async () => {
    for (const [KeySpec, Algorithm] of [
      ["RSA_2048", "RSAES_OAEP_SHA_256"],
      ["RSA_3072", "RSAES_OAEP_SHA_1"],
      ["EC_SM2", "SM2PKE"],
    ] as const) {
      const pair = await newPair(KeySpec);
      const Plaintext = randomBytes(100).toString("base64");
      const { CiphertextBlob } = await world.ok<Sealed>("AsymmetricEncrypt", { ...pair, Algorithm, Plaintext });
      const parameters = { CiphertextBlob, ...sourceOf(pair, Algorithm) };
      const called = await world.call("ReEncrypt", {
        ...parameters,
        DestinationKeyId: destination,
        DestinationEncryptionContext: '{"c":"3"}',
      });
      const { CiphertextBlob: moved, ...ids } = called.result as unknown as Sealed;
      assert.equal(ids.KeyId, destination);
      assert.deepEqual(await open({ CiphertextBlob: moved, EncryptionContext: '{"c":"3"}' }), { ...ids, Plaintext });
      const { sourceKeyId, sourceKeyVersionId, keyId } = called.noted;
      assert.deepEqual([sourceKeyId, sourceKeyVersionId, keyId], [pair.KeyId, pair.KeyVersionId, destination]);

      // A data key that somebody else made and wrapped is from there on as GenerateDataKey would have given it.
      const dataKey = await world.ok("ExportDataKey", {
        CiphertextBlob: (await reEncrypt(parameters)).CiphertextBlob,
        ...RECEIVER.parameters,
      });
      assert.equal(RECEIVER.open(dataKey["ExportedDataKey"]).toString("base64"), Plaintext);

      const altered = Buffer.from(CiphertextBlob, "base64");
      altered.writeUInt8(altered.readUInt8(70) ^ 1, 70);
      const wrong = { ...parameters, CiphertextBlob: altered.toString("base64") };
      const words = await refusal(wrong);
      assert.match(words, /^InvalidParameter: The specified parameter "CiphertextBlob" is not valid\. /);
      assert.equal(await refusal({ ...parameters, CiphertextBlob: "AAAA" }), words);
    }
  });

  test("who may not use a pair does not learn of it, and who may hears what it is not for", async () => {
    const pair = await newPair("RSA_2048");
    const parameters = { CiphertextBlob: "AAAA", ...sourceOf(pair, "RSAES_OAEP_SHA_256") };
    const as = await world.addAccount();
    const theirs = await world.call("CreateKey", {}, { as });
    const { KeyId: DestinationKeyId } = (theirs.result as { KeyMetadata: { KeyId: string } }).KeyMetadata;
    const told = async (SourceKeyId: string) => {
      const { error, noted } = await world.call("ReEncrypt", { ...parameters, DestinationKeyId, SourceKeyId }, { as });
      return [`${error?.code}: ${error?.message}`, noted];
    };
    assert.deepEqual(await told(pair.KeyId), [NOT_FOUND, { keyId: DestinationKeyId, keyRevision: 1 }]);
    assert.deepEqual(await told(newKeyId()), await told(pair.KeyId));
    assert.deepEqual(await told(`acs:kms:${REGION}:${world.accountId}:key/${pair.KeyId}`), await told(newKeyId()));

    const versionless = { ...parameters, SourceKeyVersionId: newKeyVersionId() };
    assert.match(await refusal(versionless), /^Forbidden\.KeyVersionNotFound/);
    assert.equal(await refusal({ ...parameters, SourceKeyId: "alias/any" }), UNSUPPORTED_ALIAS);
    const inContext = { ...parameters, SourceEncryptionContext: '{"a":"1"}' };
    assert.match(await refusal(inContext), /^InvalidParameter: .*"SourceEncryptionContext"/);
    const sm2 = { ...parameters, SourceEncryptionAlgorithm: "SM2PKE" };
    assert.match(
      await refusal(sm2),
      /^Rejected\.UnsupportedOperation: .* encrypts with RSAES_OAEP_SHA_256 or .*, not SM2PKE/,
    );
    const { KeyVersionId } = await world.ok<Sealed>("Encrypt", { KeyId: source, Plaintext: "eA==" });
    const symmetric = { ...sm2, SourceKeyId: source, SourceKeyVersionId: KeyVersionId };
    assert.match(await refusal(symmetric), /^Rejected\.UnsupportedOperation: /);
    const toPair = { CiphertextBlob: await seal(), DestinationKeyId: pair.KeyId };
    assert.match(await refusal(toPair), /^UnsupportedOperation: /);
    await world.ok("DisableKey", { KeyId: pair.KeyId });
    assert.match(await refusal(parameters), /^Rejected\.Disabled: /);
  });

  test("a public key's ciphertext needs its key and version named", async () => {
    const rsa = { CiphertextBlob: Buffer.alloc(256, 7).toString("base64") };
    const SourceEncryptionAlgorithm = "RSAES_OAEP_SHA_256";
    const [SourceKeyId, SourceKeyVersionId] = [newKeyId(), newKeyVersionId()];
    for (const [parameters, expected] of [
      [{ SourceEncryptionAlgorithm }, /^MissingParameter: .*"SourceKeyId"/],
      [{ SourceEncryptionAlgorithm, SourceKeyId }, /^MissingParameter: .*"SourceKeyVersionId"/],
      [{ SourceEncryptionAlgorithm, SourceKeyVersionId }, /^MissingParameter: .*"SourceKeyId"/],
      [{ SourceEncryptionAlgorithm: "RSA" }, /^InvalidParameter: .*"SourceEncryptionAlgorithm"/],
      [{ SourceEncryptionAlgorithm, SourceKeyId, SourceKeyVersionId }, /^Forbidden\.KeyNotFound: /],
    ] as const) {
      assert.match(await refusal({ ...rsa, ...parameters }), expected);
    }
  });

  test("refuses what is missing or not valid", async () => {
    const CiphertextBlob = await seal();
    assert.match(await world.refusal("ReEncrypt", { CiphertextBlob }), /^MissingParameter: .*"DestinationKeyId"/);
    assert.match(await refusal({}), /^MissingParameter: .*"CiphertextBlob"/);
    assert.match(await refusal({ CiphertextBlob: "AAAA" }), /^InvalidParameter: .*"CiphertextBlob"/);
    for (const name of ["SourceEncryptionContext", "DestinationEncryptionContext"]) {
      for (const value of ['{"a":1}', '["a"]', JSON.stringify({ a: "x".repeat(8192) })]) {
        // The wire's own reader refuses a JSON object with other values than texts.
        const text = await refusal({ CiphertextBlob, [name]: value }).catch(String);
        assert.ok(text.includes(name), text);
      }
    }
    assert.match(await refusal({ CiphertextBlob, DryRun: "true" }), /^DryRunOperationError/);
  });

  test("takes the destination by its id only", async () => {
    const CiphertextBlob = await seal();
    await world.ok("CreateAlias", { AliasName: "alias/destination", KeyId: destination });
    for (const [DestinationKeyId, expected] of [
      ["alias/destination", UNSUPPORTED_ALIAS],
      [`acs:kms:${REGION}:${world.accountId}:alias/destination`, UNSUPPORTED_ALIAS],
      [`acs:kms:${REGION}:${world.accountId}:key/${destination}`, NOT_FOUND],
      [newKeyId(), NOT_FOUND],
    ] as const) {
      assert.equal(await refusal({ CiphertextBlob, DestinationKeyId }), expected);
    }
    // Nor does an alias tell whether there is a key to what may be somebody else's ciphertext.
    const unknown = Buffer.from(CiphertextBlob, "base64");
    unknown.write(newKeyId(), "latin1");
    const nobodys = { CiphertextBlob: unknown.toString("base64"), DestinationKeyId: "alias/destination" };
    assert.equal(await refusal(nobodys), UNSUPPORTED_ALIAS);
  });

  test("both keys must be enabled", async () => {
    await using own = await World.open(database);
    const [from, to] = [await own.createKey(), await own.createKey()];
    const CiphertextBlob = await own.encrypt({ KeyId: from, Plaintext: "eA==" });
    const answer = () => own.refusal("ReEncrypt", { CiphertextBlob, DestinationKeyId: to });
    for (const KeyId of [from, to]) {
      await own.ok("DisableKey", { KeyId });
      assert.match(await answer(), /^Rejected\.Disabled: /);
      await own.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
      assert.match(await answer(), /^Rejected\.PendingDeletion: /);
      await own.ok("CancelKeyDeletion", { KeyId });
      assert.equal(await answer(), "no error");
    }
    await own.ok("ScheduleKeyDeletion", { KeyId: from, PendingWindowInDays: "7" });
    await own.ok("ScheduleKeyDeletion", { KeyId: to, PendingWindowInDays: "8" });
    const { until } = await own.call("ReEncrypt", { CiphertextBlob, DestinationKeyId: to });
    assert.equal(until, Math.floor((own.now + 7 * DAY_MILLIS) / 1000) * 1000);
    own.now += 7 * DAY_MILLIS;
    assert.equal(await answer(), NOT_FOUND);
  });

  test("a foreign ciphertext and a foreign destination are answered like missing ones, and so is the event", async () => {
    const as = await world.addAccount();
    const { result } = await world.call("CreateKey", {}, { as });
    const { KeyId: theirs } = (result as { KeyMetadata: { KeyId: string } }).KeyMetadata;
    const { result: encrypted } = await world.call("Encrypt", { KeyId: theirs, Plaintext: "eA==" }, { as });
    const { CiphertextBlob: theirBlob } = encrypted as unknown as Sealed;
    const ourBlob = await seal();

    const told = async (parameters: Record<string, string>) => {
      const { error, noted, resource } = await world.call("ReEncrypt", parameters, { as });
      return [`${error?.code}: ${error?.message}`, noted, resource];
    };
    const unknownBlob = Buffer.concat([
      Buffer.from(newKeyVersionId(), "latin1"),
      Buffer.from(ourBlob, "base64").subarray(36),
    ]).toString("base64");
    for (const more of [{}, { SourceKeyId: source }, { SourceKeyId: theirs }, { SourceKeyVersionId: "x" }]) {
      const ofTheirs = { keyId: theirs, keyRevision: 1 };
      const parameters = { DestinationKeyId: theirs, ...more };
      const ofMissing = await told({ CiphertextBlob: unknownBlob, ...parameters });
      assert.deepEqual(ofMissing, [NOT_FOUND, ofTheirs, `ACS::KMS::Key ${theirs}`]);
      assert.deepEqual(await told({ CiphertextBlob: ourBlob, ...parameters }), ofMissing);
      const missing = await told({ CiphertextBlob: theirBlob, ...parameters, DestinationKeyId: newKeyId() });
      const foreign = await told({ CiphertextBlob: theirBlob, ...parameters, DestinationKeyId: source });
      assert.deepEqual(foreign, missing);
      assert.equal(missing[0], NOT_FOUND);
    }
  });

  test("clears the plaintext, also where it cannot be sealed", async () => {
    const keystore = new WatchedKeystore();
    await using own = await World.open(database, { keystore });
    const [from, to] = [await own.createKey(), await own.createKey()];
    const CiphertextBlob = await own.encrypt({ KeyId: from, Plaintext: "eA==" });
    const parameters = { CiphertextBlob, DestinationKeyId: to };
    await own.ok("ReEncrypt", parameters);
    keystore.broken = true;
    await assert.rejects(own.call("ReEncrypt", parameters), TamperedRowError);
    const cleared = Buffer.alloc("eA==".length);
    assert.deepEqual(
      keystore.opened.map((bytes) => Buffer.from(bytes)),
      [cleared, cleared],
    );
  });
});
