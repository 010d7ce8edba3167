import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { ClientName } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

const MINUTE_MILLIS = 60_000;
const CALLERS = 64;

const plaintext = "a plaintext that no signature covers";

function timestamp(fromNowMillis: number): string {
  return `${new Date(Date.now() + fromNowMillis).toISOString().slice(0, 19)}Z`;
}

/** How a client signs a string, and where its request carries the signature. */
interface Signer {
  readonly sent: RegExp;
  /** @param request - carries the signature of something else. */
  sign(secret: string, stringToSign: string, request: string): string;
}

function signerOf(client: ClientName): Signer {
  if (!client.startsWith("openapi-core")) {
    return {
      sent: /[?&]Signature=([^&\s]+)/,
      sign: (secret, text) => hmac("sha1", `${secret}&`, text).toString("base64"),
    };
  }
  const sent = /,Signature=([0-9a-f]+)/;
  if (client !== "openapi-core ACS4") {
    const algorithm = client === "openapi-core SM3" ? "sm3" : "sha256";
    return { sent, sign: (secret, text) => hmac(algorithm, secret, text).toString("hex") };
  }
  return {
    sent,
    sign(secret, text, request) {
      const scope = /Credential=[^/]+\/([^,]+),/.exec(request)?.[1] ?? "";
      // Each key passes through a string on its way to the next.
      const key = scope.split("/").reduce((last, step) => hmac("sha256", last, step).toString(), `aliyun_v4${secret}`);
      return hmac("sha256", key, text).toString("hex");
    },
  };
}

function hmac(algorithm: string, key: string, text: string): Buffer {
  return createHmac(algorithm, key).update(text).digest();
}

export const gatewayScenarios: readonly Scenario[] = [
  {
    title: "knows no AccessKey that it did not issue",
    async run(root) {
      for (const accessKeyId of [
        "AK",
        `${root.setup.accessKeyId.slice(0, -1)}.`,
        root.setup.accessKeyId.toLowerCase(),
      ]) {
        await root.with({ accessKeyId }).refused("InvalidAccessKeyId.NotFound", "ListKeys");
      }
    },
  },
  {
    title: "refuses a wrong signature and gives the string that the client should have signed",
    async run(root) {
      const accessKeySecret = "not the secret of this AccessKey";
      const other = root.with({ accessKeySecret });
      // The string that the server gives is the specified one; the ACS4 client encodes some characters in its own way.
      const odd = root.setup.name === "openapi-core ACS4" ? "" : "'()!";
      const parameters = { KeyId: `alias/é ~*${odd}`, Plaintext: plaintext };
      await other.refused("SignatureDoesNotMatch", "Encrypt", parameters);

      const request = await other.capture("Encrypt", parameters);
      const answer = await other.send(request, "Encrypt");
      assert.equal(answer.status, 400);
      const { Message: message } = JSON.parse(answer.body) as { Message: string };
      const signer = signerOf(other.setup.name);
      const text = request.toString("latin1");
      // A client that signs what the server would have signed knows that its secret is wrong, and nothing else.
      const expected = signer.sign(accessKeySecret, message.split(":")[1] ?? "", text);
      assert.equal(decodeURIComponent(signer.sent.exec(`?${text.replace("\r\n\r\n", "&")}`)?.[1] ?? ""), expected);
    },
  },
  {
    title: "refuses a request from fifteen minutes ago, and one from the future",
    async run(root) {
      await root.call("ListKeys", {}, { timestamp: timestamp(-14 * MINUTE_MILLIS) });
      await root.call("ListKeys", {}, { timestamp: timestamp(14 * MINUTE_MILLIS) });
      await root.refused("InvalidTimeStamp.Expired", "ListKeys", {}, { timestamp: timestamp(-16 * MINUTE_MILLIS) });
      await root.refused("InvalidTimeStamp.Expired", "ListKeys", {}, { timestamp: timestamp(16 * MINUTE_MILLIS) });
    },
  },
  {
    title: "takes a request's bytes once",
    async run(root) {
      const keyId = await root.createKey();
      const request = await root.capture("Encrypt", { KeyId: keyId, Plaintext: plaintext });
      assert.equal((await root.send(request, "Encrypt")).status, 200);
      for (let times = 0; times < 2; times++) {
        const answer = await root.send(request, "Encrypt");
        assert.equal(answer.status, 400);
        assert.equal((JSON.parse(answer.body) as { Code: string }).Code, "SignatureNonceUsed");
      }
    },
  },
  {
    title: "serves no other operation and no other version",
    async run(root) {
      await root.refused("InvalidAction.NotFound", "NoSuchOperation", { KeyId: "k", Plaintext: plaintext });
      await root.refused("InvalidAction.NotFound", "RotateSecret", { SecretName: "s" });
      await root.refused("InvalidVersion", "ListKeys", {}, { version: "2014-05-26" });
      await root.refused("InvalidVersion", "DescribeRegions", {}, { version: "2016-01-21" });
    },
  },
  {
    title: "takes no security token with an AccessKey that is not of a session",
    async run(root) {
      await root.with({ securityToken: "CAISkQJ1q6Ft5B2y" }).refused("InvalidSecurityToken.Malformed", "ListKeys");
    },
  },
  {
    title: "answers in JSON even what is too large to be read",
    async run(root) {
      const isForm = root.setup.name === "pop-core POST" || root.setup.name === "openapi-core form";
      const { body, error } = await root.attempt("ListKeys", { ClientToken: "x".repeat(isForm ? 1_100_000 : 300_000) });
      assert.deepEqual(error, { code: "RequestTooLarge", status: isForm ? 413 : 431 });
      assert.deepEqual(Object.keys(body), ["RequestId", "HostId", "Code", "Message", "HttpStatus"]);
    },
  },
  {
    title: "keeps one connection for many calls, refused ones among them",
    async run(root) {
      const keyId = await root.createKey();
      const ports = new Set<number | undefined>();
      for (let calls = 0; calls < 20; calls++) {
        const { localPort } = await root.exchange("DescribeKey", { KeyId: keyId });
        await root.refused("Forbidden.KeyNotFound", "DescribeKey", { KeyId: "no-such-key" });
        ports.add(localPort);
      }
      assert.equal(ports.size, 1);
      assert(!ports.has(undefined));
    },
  },
  {
    title: `serves ${CALLERS} callers at once, each its own answer`,
    async run(root) {
      const keyId = await root.createKey();
      await Promise.all(
        Array.from({ length: CALLERS }, async (_, caller) => {
          for (let call = 0; call < 3; call++) {
            const text = `the plaintext of caller ${caller}, call ${call}`;
            const { CiphertextBlob } = await root.call("Encrypt", { KeyId: keyId, Plaintext: text });
            const { Plaintext } = await root.call("Decrypt", { CiphertextBlob: String(CiphertextBlob) });
            assert.equal(Plaintext, text);
          }
        }),
      );
    },
  },
];
