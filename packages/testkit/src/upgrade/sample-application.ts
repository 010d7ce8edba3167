import { execFile } from "node:child_process";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { CallParameters } from "@cinnabar/client";
import { type FieldValue, signInstance } from "@cinnabar/rpc";

const NAME = "reports";
const PASSWORD = "Passw0rd~!";

/** A call of the RPC API, by somebody who may give access to keys. */
type Call = (operation: string, parameters: CallParameters) => Promise<Readonly<Record<string, unknown>> | undefined>;

/** Speaks the instance protocol to a server, with a client key that admits it to a key of an instance. */
export class SampleApplication {
  readonly #endpoint: URL;
  readonly #clientKeyId: string;
  readonly #privateKey: KeyObject;

  private constructor({ endpoint, ...key }: { endpoint: URL; clientKeyId: string; privateKey: KeyObject }) {
    this.#endpoint = endpoint;
    this.#clientKeyId = key.clientKeyId;
    this.#privateKey = key.privateKey;
  }

  /** Has an access point and a client key of it made. Needs OpenSSL. */
  static async admit(
    call: Call,
    { endpoint, instance, keyId }: { readonly endpoint: URL; readonly instance: string; readonly keyId: string },
  ): Promise<SampleApplication> {
    await call("CreatePolicy", {
      Name: NAME,
      KmsInstance: instance,
      Permissions: JSON.stringify(["RbacPermission/Template/CryptoServiceKeyUser"]),
      Resources: JSON.stringify([`key/${keyId}`]),
    });
    await call("CreateApplicationAccessPoint", { Name: NAME, Policies: JSON.stringify([NAME]) });
    const made = await call("CreateClientKey", { AapName: NAME, Password: PASSWORD });
    const privateKey = await openPkcs12(Buffer.from(String(made?.["PrivateKeyData"]), "base64"));
    return new SampleApplication({ endpoint, clientKeyId: String(made?.["ClientKeyId"]), privateKey });
  }

  /** @throws Error unless the answer is 200. */
  async call(apiName: string, fields: Readonly<Record<string, FieldValue>>): Promise<void> {
    const { method, url, headers, body } = signInstance({
      apiName,
      clientKeyId: this.#clientKeyId,
      privateKey: this.#privateKey,
      fields: new Map(Object.entries(fields)),
      timestampMillis: Date.now(),
    });
    const { status } = await fetch(new URL(url, this.#endpoint), { method, headers, body: Buffer.from(body) });
    if (status !== 200) throw new Error(`${apiName} was answered ${status}`);
  }
}

async function openPkcs12(file: Uint8Array): Promise<KeyObject> {
  const args = ["pkcs12", "-legacy", "-nodes", "-nocerts", "-passin", `pass:${PASSWORD}`];
  const running = promisify(execFile)("openssl", args);
  running.child.stdin?.end(file);
  return createPrivateKey((await running).stdout);
}
