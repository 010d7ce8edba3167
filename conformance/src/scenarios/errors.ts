import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { arn } from "../caller.ts";
import type { CallParameters } from "../official-client.ts";
import type { PublishedError } from "../published-errors.ts";
import type { Scenario } from "./scenario.ts";

type Refusal = readonly [action: string, parameters: CallParameters, names?: string];

/** Calls that are all refused with one code; the last of each is a name that the message must say. */
function refusals(
  code: PublishedError,
  {
    title,
    calls,
  }: { title: string; calls: (own: { keyId: string; alias: string; accountId: string }) => readonly Refusal[] },
): Scenario {
  return {
    title,
    async run(root) {
      const keyId = await root.createKey();
      const alias = await root.createAlias(keyId);
      const { accountId } = root.deployment;
      for (const [action, parameters, name] of calls({ keyId, alias, accountId })) {
        const message = await root.refused(code, action, parameters);
        if (name !== undefined) assert(message.includes(name), message);
      }
    },
  };
}

const plaintext = "a plaintext of a call that is refused";

export const errorScenarios: readonly Scenario[] = [
  refusals("MissingParameter", {
    title: "says which parameter is missing",
    calls: ({ keyId }) => [
      ["Encrypt", { KeyId: keyId }, '"Plaintext"'],
      ["Encrypt", { Plaintext: plaintext }, '"KeyId"'],
      ["Decrypt", {}, '"CiphertextBlob"'],
      ["GenerateDataKey", {}, '"KeyId"'],
      ["GenerateDataKeyWithoutPlaintext", { KeyId: "" }, '"KeyId"'],
      ["DescribeKey", {}, '"KeyId"'],
      ["EnableKey", {}, '"KeyId"'],
      ["DisableKey", {}, '"KeyId"'],
      ["CancelKeyDeletion", {}, '"KeyId"'],
      ["ScheduleKeyDeletion", { KeyId: keyId }, '"PendingWindowInDays"'],
      ["CreateAlias", { KeyId: keyId }, '"AliasName"'],
      ["DeleteAlias", {}, '"AliasName"'],
    ],
  }),
  refusals("InvalidParameter", {
    title: "says which parameter is not valid",
    calls: ({ keyId, alias }) => [
      ["ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: 6 }, '"PendingWindowInDays"'],
      ["ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: 367 }, '"PendingWindowInDays"'],
      ["ListKeys", { PageSize: 101 }, '"PageSize"'],
      ["ListKeys", { PageSize: 0 }, '"PageSize"'],
      ["ListAliases", { PageNumber: 0 }, '"PageNumber"'],
      ["Encrypt", { KeyId: keyId, Plaintext: plaintext, EncryptionContext: "not JSON" }, '"EncryptionContext"'],
      ["Encrypt", { KeyId: keyId, Plaintext: plaintext, EncryptionContext: '{"a":1}' }, '"EncryptionContext"'],
      ["Encrypt", { KeyId: keyId, Plaintext: plaintext, EncryptionContext: '["a"]' }, '"EncryptionContext"'],
      [
        "Encrypt",
        { KeyId: keyId, Plaintext: plaintext, EncryptionContext: { a: "x".repeat(8192) } },
        '"EncryptionContext"',
      ],
      ["Decrypt", { CiphertextBlob: "neither base64 nor a ciphertext" }, '"CiphertextBlob"'],
      ["Decrypt", { CiphertextBlob: randomBytes(48).toString("base64") }, '"CiphertextBlob"'],
      ["GenerateDataKey", { KeyId: keyId, KeySpec: "AES_512" }, '"KeySpec"'],
      ["GenerateDataKey", { KeyId: keyId, NumberOfBytes: 0 }, '"NumberOfBytes"'],
      ["GenerateDataKeyWithoutPlaintext", { KeyId: keyId, NumberOfBytes: 1025 }, '"NumberOfBytes"'],
      ["CreateAlias", { KeyId: keyId, AliasName: alias.slice("alias/".length) }, '"AliasName"'],
      ["CreateAlias", { KeyId: keyId, AliasName: "alias/acs/oss" }, '"AliasName"'],
      ["CreateAlias", { KeyId: keyId, AliasName: `alias/${"x".repeat(256)}` }, '"AliasName"'],
      ["CreateKey", { KeySpec: "Aliyun_AES_512" }, '"KeySpec"'],
      ["CreateKey", { KeyUsage: "SIGN/VERIFY" }, '"KeyUsage"'],
      ["CreateKey", { Origin: "external" }, '"Origin"'],
      ["CreateKey", { Description: "x".repeat(8193) }, '"Description"'],
      ["CreateKey", { EnableAutomaticRotation: true, RotationInterval: "6d" }, '"RotationInterval"'],
      [
        "UpdateRotationPolicy",
        { KeyId: keyId, EnableAutomaticRotation: true, RotationInterval: "731d" },
        '"RotationInterval"',
      ],
      ["CreateKey", { Tags: "not JSON" }, '"Tags"'],
      ["CreateKey", { Policy: "not JSON" }, '"Policy"'],
      ["DescribeKey", { KeyId: keyId, DryRun: "maybe" }, '"DryRun"'],
    ],
  }),
  refusals("UnsupportedOperation", {
    title: "refuses what it does not serve yet instead of leaving it out in silence",
    calls: ({ keyId }) => [
      ["CreateKey", { KeyStorageMechanism: "HsmEncryptedDatabase" }, "KeyStorageMechanism"],
      ["GenerateDataKey", { KeyId: keyId, Recipient: "{}" }, "Recipient"],
    ],
  }),
  refusals("UnsupportedOperation", {
    title: "says of an operation that Alibaba Cloud has removed that it is removed, and what there is instead",
    calls: () => [
      ["UploadCertificate", { Certificate: "PEM", PrivateKey: "PEM" }, "removed UploadCertificate from the API"],
      ["CertificatePrivateKeySign", { CertificateId: randomUUID(), Message: plaintext }, "AsymmetricSign"],
      ["ConnectKeyStore", { KeyStoreId: randomUUID(), DryRun: true }, "ConnectKmsInstance"],
      ["CreateAccessPoint", { AccessPointName: "name" }, "CreateApplicationAccessPoint"],
    ],
  }),
  refusals("Unsupported.ProtectionLevel", {
    title: "refuses a protection level that it does not have",
    calls: () => [["CreateKey", { ProtectionLevel: "HSM" }]],
  }),
  refusals("Unsupported.Alias", {
    title: "refuses an alias where only a key's id will do",
    calls: ({ keyId, alias }) => [
      ["EnableKey", { KeyId: alias }],
      ["DisableKey", { KeyId: alias }],
      ["ScheduleKeyDeletion", { KeyId: alias, PendingWindowInDays: 30 }],
      ["CancelKeyDeletion", { KeyId: alias }],
      ["CreateAlias", { KeyId: alias, AliasName: `alias/of-${keyId}` }],
    ],
  }),
  refusals("Forbidden.KeyNotFound", {
    title: "finds no key that is not there",
    calls: ({ keyId, accountId }) => {
      const missing = randomUUID();
      return [
        ...["DescribeKey", "EnableKey", "DisableKey", "CancelKeyDeletion", "GenerateDataKey"].map(
          (action) => [action, { KeyId: missing }] as const,
        ),
        ["Encrypt", { KeyId: "no-such-key", Plaintext: plaintext }],
        ["Encrypt", { KeyId: arn({ accountId }, `key/${missing}`), Plaintext: plaintext }],
        ["Encrypt", { KeyId: `acs:kms:cn-shanghai:${accountId}:key/${keyId}`, Plaintext: plaintext }],
        ["GenerateDataKeyWithoutPlaintext", { KeyId: missing }],
        ["ScheduleKeyDeletion", { KeyId: missing, PendingWindowInDays: 366 }],
        ["CreateAlias", { KeyId: missing, AliasName: `alias/of-${missing}` }],
      ];
    },
  }),
  refusals("Forbidden.AliasNotFound", {
    title: "finds no alias that is not there",
    calls: ({ accountId }) => {
      const missing = `alias/${randomUUID()}`;
      return [
        ["DescribeKey", { KeyId: missing }],
        ["Encrypt", { KeyId: missing, Plaintext: plaintext }],
        ["Encrypt", { KeyId: arn({ accountId }, missing), Plaintext: plaintext }],
        ["GenerateDataKey", { KeyId: missing }],
        ["GenerateDataKeyWithoutPlaintext", { KeyId: missing }],
        ["DeleteAlias", { AliasName: missing }],
      ];
    },
  }),
  refusals("DryRunOperationError", {
    title: "does nothing in a dry run, and says that it would have",
    calls: ({ keyId, alias }) => [
      ["CreateKey", { DryRun: true }],
      ["DisableKey", { KeyId: keyId, DryRun: true }],
      ["ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: 7, DryRun: true }],
      ["DeleteAlias", { AliasName: alias, DryRun: true }],
      // Only possible because none of these happened.
      ["Encrypt", { KeyId: alias, Plaintext: plaintext, DryRun: true }],
    ],
  }),
  {
    title: "does not tell another account's key from one that does not exist, to the byte",
    async run(root) {
      const { accountId } = root.deployment;
      const foreign = `acs:kms:cn-hangzhou:${"1".repeat(accountId.length)}:`;
      const own = arn({ accountId }, "");
      const answers = async (action: string, name: string) => {
        const texts: string[] = [];
        for (const place of [foreign, own]) {
          const parameters = { KeyId: `${place}${name}`, ...(action === "Encrypt" && { Plaintext: plaintext }) };
          const answer = await root.send(await root.capture(action, parameters), action);
          const { RequestId, HostId } = JSON.parse(answer.body) as Record<string, string>;
          texts.push(
            `${answer.head}\n${answer.body}`
              .replaceAll(RequestId ?? "", "<RequestId>")
              .replaceAll(HostId ?? "", "<HostId>")
              .replace(/^Content-Length: .*$/im, `Content-Length: ${answer.body.length - (HostId ?? "").length}`)
              .replace(/^Date: .*$/im, "Date: <now>"),
          );
        }
        assert.equal(texts[0], texts[1]);
        assert.match(texts[0] ?? "", /^HTTP\/1\.1 404 /);
      };
      for (const action of ["Encrypt", "GenerateDataKey", "DescribeKey"]) {
        await answers(action, `key/${randomUUID()}`);
        await answers(action, `alias/${randomUUID()}`);
      }
    },
  },
];
