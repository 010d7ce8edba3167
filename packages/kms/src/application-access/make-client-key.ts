import {
  encodePkcs12,
  type KeyPairBytes,
  newCertificateSerial,
  SecretBytes,
  selfSignedCertificate,
} from "@cinnabar/crypto";
import { type DeploymentKeys, issueClientKeyId, OncePerCall, type RequestContext } from "@cinnabar/kernel";
import { CLIENT_KEY_ALGORITHM, type ClientKey } from "./client-key.ts";

/** What is known of a client key before it is made. */
export type ClientKeyPlan = Pick<ClientKey, "notBefore" | "notAfter"> & { readonly password: string };

/** A client key that was made, and is not stored yet. */
export interface MadeClientKey extends Pick<ClientKey, "certificate" | "notBefore" | "notAfter"> {
  readonly id: string;
  /** Private key and certificate, encrypted under the password: there is no other copy of the private key. */
  readonly pkcs12: Buffer;
}

/** Makes client keys, each once for its call: a pair of RSA keys takes long. */
export class ClientKeyMaker {
  readonly #made = new OncePerCall<MadeClientKey>();
  readonly #keys: DeploymentKeys;

  constructor(keys: DeploymentKeys) {
    this.#keys = keys;
  }

  make(context: RequestContext, plan: ClientKeyPlan): MadeClientKey | Promise<MadeClientKey> {
    const { custody, principal } = context;
    return this.#made.run(context, "client key", () =>
      this.#certify(plan, custody.slow.generate(principal.accountId, CLIENT_KEY_ALGORITHM)),
    );
  }

  /** Clears the private key. */
  async #certify(
    { notBefore, notAfter, password }: ClientKeyPlan,
    pair: Promise<KeyPairBytes>,
  ): Promise<MadeClientKey> {
    const id = issueClientKeyId(this.#keys.accessKeyTag);
    using privateKey = new SecretBytes((await pair).privateKey);
    const certificate = selfSignedCertificate({
      privateKey: privateKey.bytes,
      commonName: id,
      serial: newCertificateSerial(),
      validity: { from: notBefore, until: notAfter },
    });
    const pkcs12 = encodePkcs12({ certificate, privateKey: privateKey.bytes, password });
    return { id, certificate, notBefore, notAfter, pkcs12 };
  }
}
