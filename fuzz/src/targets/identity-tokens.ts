import { randomUUID } from "node:crypto";
import { IdentityProvider } from "@cinnabar/testkit";
import { type TargetDeclaration, Violation } from "../engine/target.ts";
import { encodeCall, fixedBytesOf, readCall } from "../service/call-seeds.ts";
import { FormCaller } from "../service/form-caller.ts";
import { type Service, sharedService } from "../service/service.ts";

const LANES = 8;
const RAM = { version: "2015-05-01" };
const SESSION = "fuzz";

/** Tokens of an identity provider, sent as they are, unsigned. None begins a session but what the provider signed. */
export const identityTokensTarget: TargetDeclaration = {
  name: "identity-tokens",
  what: "identity tokens, and the rest of what AssumeRoleWithOIDC takes without a signature",
  group: "service",
  weight: 8,
  async open() {
    await using resources = new AsyncDisposableStack();
    const service = await sharedService();
    const idp = resources.use(await IdentityProvider.start());
    const caller = resources.use(new FormCaller(service.server));
    const names = await makeRole(service, idp);
    const OIDCToken = await idp.issueToken();
    // What the signature is over.
    const signed = OIDCToken.slice(0, OIDCToken.lastIndexOf(".") + 1);
    const before = service.digest();
    const kept = resources.move();
    return {
      seeds: [encodeCall("AssumeRoleWithOIDC 2015-04-01", { OIDCToken, ...names })],
      fixedBytes: fixedBytesOf,
      lanes: LANES,
      async attempt(input) {
        const { action, version, fields } = readCall(input, {});
        const { status, code } = await caller.callUnsigned([
          [Buffer.from("Action"), Buffer.from(action)],
          [Buffer.from("Version"), Buffer.from(version)],
          ...fields,
        ]);
        if (code === undefined && !fields.some(([, value]) => value.toString().startsWith(signed))) {
          throw new Violation("a session begins with a token that nobody signed");
        }
        return code ?? String(status);
      },
      async endRound() {
        await service.assertSound();
        if (service.digest() !== before) throw new Violation("tokens have changed the store");
      },
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  },
};

/** Registers the provider, and makes a role that its tokens are good for. */
async function makeRole(service: Service, idp: IdentityProvider): Promise<Readonly<Record<string, string>>> {
  const { accountId, client } = service;
  const name = `fuzz-${randomUUID()}`;
  const OIDCProviderArn = await service.registerProvider(name, idp);
  const trust = {
    Version: "1",
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Federated: [OIDCProviderArn] } }],
  };
  await client.call("CreateRole", { RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }, RAM);
  return { OIDCProviderArn, RoleArn: `acs:ram::${accountId}:role/${name}`, RoleSessionName: SESSION };
}
