import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { test, type TestContext } from "node:test";
import { AdministrationError, fetchDocument } from "@cinnabar/ram";
import { forEachDatabase, IdentityProvider } from "@cinnabar/testkit";
import { ensureServerCertificate } from "../src/tls/own-ca.ts";
import {
  allow,
  assume,
  policy,
  refusal,
  type SessionAnswer,
  STS,
  StsWorld,
  toCredentials,
  trusts,
} from "./support/sts-world.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

type Parameters = Readonly<Record<string, string>>;

/** The first account's role for builds, and how they assume it: without an AccessKey. */
class Builds {
  readonly world: StsWorld;
  readonly idp: IdentityProvider;
  readonly providerArn: string;
  readonly roleArn: string;

  private constructor(world: StsWorld, idp: IdentityProvider, roleArn: string) {
    this.world = world;
    this.idp = idp;
    this.providerArn = `acs:ram::${world.one.accountId}:oidc-provider/ci`;
    this.roleArn = roleArn;
  }

  static async make(world: StsWorld, idp: IdentityProvider): Promise<Builds> {
    await world.providers.create(world.one.accountId, settingsOf(idp));
    const provider = `acs:ram::${world.one.accountId}:oidc-provider/ci`;
    const condition = {
      StringEquals: { "oidc:iss": idp.issuer, "oidc:aud": idp.audience },
      StringLike: { "oidc:sub": "build*" },
    };
    const roleArn = await world.createRole(world.one, "builds", {
      trust: [trusts({ Federated: provider }, condition)],
      statements: [allow("kms:*", "sts:AssumeRole")],
    });
    return new Builds(world, idp, roleArn);
  }

  /** Calls AssumeRoleWithOIDC unsigned, as the credentials clients do: common parameters in the query, the rest in a form. */
  async attempt(parameters: Parameters, node = 0): Promise<{ status: number; body: Record<string, unknown> }> {
    const url = new URL(this.world.nodes[node]!.url);
    url.search = new URLSearchParams({
      Action: "AssumeRoleWithOIDC",
      Format: "JSON",
      Version: STS.version,
      Timestamp: new Date().toISOString(),
    }).toString();
    const form = { RoleArn: this.roleArn, OIDCProviderArn: this.providerArn, RoleSessionName: "build", ...parameters };
    const response = await fetch(url, { method: "POST", body: new URLSearchParams(form) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async begin(parameters: Parameters = {}): Promise<SessionAnswer> {
    const { status, body } = await this.attempt({ OIDCToken: await this.idp.issueToken(), ...parameters });
    assert.equal(status, 200, JSON.stringify(body));
    return body as unknown as SessionAnswer;
  }

  async refusal(parameters: Parameters): Promise<string> {
    const { status, body } = await this.attempt(parameters);
    return `${status} ${String(body["Code"])}`;
  }
}

function settingsOf({ issuer, audience, ca }: IdentityProvider) {
  return { name: "ci", issuer, clientIds: ["another", audience], ca, allowsLocalAddresses: true };
}

forEachDatabase((database) => {
  test("whoever holds a token of a registered provider assumes the role that trusts it", async () => {
    await using world = await StsWorld.start(database);
    await using idp = await IdentityProvider.start();
    const builds = await Builds.make(world, idp);
    const token = await idp.issueToken();
    const { status, body } = await builds.attempt({ OIDCToken: token, Policy: policy([allow("kms:ListKeys")]) });
    assert.equal(status, 200, JSON.stringify(body));
    const info = body["OIDCTokenInfo"] as Record<string, string>;
    assert.equal(info["Issuer"], idp.issuer);
    assert.deepEqual(
      [info["Subject"], info["ClientIds"], info["VerificationInfo"]],
      ["builds", idp.audience, "Success"],
    );
    const session = body as unknown as SessionAnswer;
    for (const node of world.nodes.keys()) {
      const client = world.client(toCredentials(session), node);
      await client.call("ListKeys");
      assert.equal(await refusal(client.call("CreateKey")), "Forbidden.NoPermission");
    }
    const events = await world.events();
    const assumed = events.filter(({ eventName }) => eventName === "AssumeRoleWithOIDC");
    assert.equal(assumed.length, 1);
    const { accountId } = world.one;
    assert.deepEqual(assumed[0]?.userIdentity, {
      accountId,
      principalId: builds.providerArn,
      type: "federated-user",
      userName: "builds",
    });
    assert.equal(assumed[0].recipientAccountId, accountId);
    const facts = assumed[0].additionalEventData;
    assert.equal(facts["issuedAccessKeyId"], session.Credentials.AccessKeyId);
    const [provider] = await world.providers.list({ accountId });
    assert.deepEqual(
      [facts["providerId"], facts["tokenIssuer"], facts["tokenAudience"]],
      [provider?.id, idp.issuer, [idp.audience]],
    );
    const registered = events.find(({ eventName }) => eventName === "CreateOIDCProvider")?.additionalEventData;
    assert.deepEqual(
      [registered?.["providerId"], registered?.["allowsLocalAddresses"], registered?.["caDigest"]],
      [provider?.id, true, `sha256:${hash("sha256", idp.ca, "hex")}`],
    );
    const texts = [...events.map(({ text }) => text), ...world.logged].join("\n");
    const [, , signature = ""] = token.split(".");
    for (const secret of [token, signature, session.Credentials.SecurityToken, session.Credentials.AccessKeySecret]) {
      assert.ok(!texts.includes(secret), "a secret is on record");
    }
  });

  test("a session that began with a token ends with its provider, on every node", async () => {
    await using world = await StsWorld.start(database);
    await using idp = await IdentityProvider.start();
    const builds = await Builds.make(world, idp);
    const deploy = await world.createRole(world.one, "deploy", {
      trust: [trusts({ RAM: builds.roleArn })],
      statements: [allow("kms:*")],
    });
    const session = await builds.begin();
    const begun = await assume(world.client(toCredentials(session)), deploy);
    const clients = [session, begun].flatMap((made) =>
      world.nodes.map((_, node) => world.client(toCredentials(made), node)),
    );
    for (const client of clients) await client.call("ListKeys");
    const { accountId } = world.one;
    await world.providers.delete(accountId, "ci");
    // One of the same name is another one.
    await world.providers.create(accountId, settingsOf(idp));
    for (const client of clients) assert.equal(await refusal(client.call("ListKeys")), "InvalidSecurityToken.Expired");
    const again = await builds.begin();
    await world.client(toCredentials(again)).call("ListKeys");
    await world.administration.setAccountEnabled(accountId, false);
    assert.equal(await builds.refusal({ OIDCToken: await idp.issueToken() }), "403 NoPermission");
    const names = (await world.events()).map(({ eventName }) => eventName);
    assert.equal(names.filter((name) => name === "CreateOIDCProvider").length, 2);
    assert.equal(names.filter((name) => name === "DeleteOIDCProvider").length, 1);
  });

  test("nobody else begins a session, and only who is proven to call leaves an event", async () => {
    await using world = await StsWorld.start(database);
    await using idp = await IdentityProvider.start();
    const builds = await Builds.make(world, idp);
    const token = await idp.issueToken();
    const before = (await world.events()).length;
    const [header = "", payload = "", signature = ""] = token.split(".");
    const unproven: readonly (readonly [said: string, parameters: Parameters])[] = [
      ["401 AuthenticationFail.OIDCToken.Invalid", { OIDCToken: `${header}.${payload}.${signature.slice(4)}AAAA` }],
      ["401 AuthenticationFail.OIDCToken.Invalid", { OIDCToken: "nothing" }],
      ["400 MissingParameter", {}],
      ["400 InvalidParameter.OIDCProviderArn", { OIDCToken: token, OIDCProviderArn: "ci" }],
      ["404 EntityNotExist.OIDCProvider", { OIDCToken: token, OIDCProviderArn: `${builds.providerArn}-more` }],
      ["400 InvalidParameter.RoleArn", { OIDCToken: token, RoleArn: "builds" }],
      ["400 InvalidParameter.PolicyGrammar", { OIDCToken: token, Policy: "{" }],
    ];
    for (const [said, parameters] of unproven) assert.equal(await builds.refusal(parameters), said);
    assert.equal((await world.events()).length, before);
    assert.ok(world.logged.join("").includes('"reason":"bad-identity-token"'));

    const { accountId } = world.one;
    const others = await world.createRole(world.one, "others", {
      trust: [trusts({ Federated: builds.providerArn }, { StringEquals: { "oidc:sub": "somebody" } })],
      statements: [allow("kms:ListKeys")],
    });
    const foreign = await world.createRole(world.other, "foreign", {
      trust: [trusts({ Federated: builds.providerArn })],
      statements: [allow("kms:ListKeys")],
    });
    const proven: readonly (readonly [said: string, parameters: Parameters])[] = [
      ["403 NoPermission", { RoleArn: others }],
      ["403 NoPermission", { RoleArn: `acs:ram::${accountId}:role/none` }],
      ["403 NoPermission", { RoleArn: foreign }],
      ["400 InvalidParameter.DurationSeconds", { DurationSeconds: "43200" }],
    ];
    for (const [said, parameters] of proven)
      assert.equal(await builds.refusal({ OIDCToken: token, ...parameters }), said);
    const refused = (await world.events()).filter(({ eventName }) => eventName === "AssumeRoleWithOIDC");
    assert.equal(refused.length, proven.length);
    const [provider] = await world.providers.list({ accountId });
    for (const { userIdentity, additionalEventData: facts } of refused) {
      assert.equal(userIdentity["userName"], "builds");
      assert.deepEqual([facts["providerId"], facts["accessDenied"]], [provider?.id, undefined]);
    }
    // Whoever the role does not admit learns neither why, nor whether there is one.
    const told = await Promise.all(
      [others, `acs:ram::${accountId}:role/none`].map(async (RoleArn) => {
        const { RequestId: _, ...body } = (await builds.attempt({ OIDCToken: token, RoleArn })).body;
        return body;
      }),
    );
    assert.deepEqual(told[0], told[1]);
    assert.equal(told[0]?.["AccessDeniedDetail"], undefined);

    const root = world.client(world.one.credentials);
    const signed = { RoleArn: builds.roleArn, OIDCProviderArn: builds.providerArn, RoleSessionName: "build" };
    const answer = root.call("AssumeRoleWithOIDC", { ...signed, OIDCToken: token }, STS);
    assert.equal(await refusal(answer), "UnsupportedOperation");
  });

  test("without a signature nothing else is served", async () => {
    await using world = await StsWorld.start(database);
    const { url } = world.nodes[0]!;
    const ask = async (query: Parameters, headers: Parameters = {}): Promise<string> => {
      const asked = new URL(url);
      asked.search = new URLSearchParams(query).toString();
      const response = await fetch(asked, { headers });
      return ((await response.json()) as { Code: string }).Code;
    };
    const before = (await world.events()).length;
    const oidc = { Action: "AssumeRoleWithOIDC", Version: STS.version };
    assert.equal(await ask({ Action: "ListKeys", Version: "2016-01-20" }), "MissingSignature");
    assert.equal(await ask({ Action: "AssumeRole", Version: STS.version }), "MissingSignature");
    assert.equal(await ask({ Action: "GetCallerIdentity", Version: STS.version }), "MissingSignature");
    assert.equal(await ask({ ...oidc, Version: "2016-01-20" }), "MissingSignature");
    assert.equal(await ask({ ...oidc, AccessKeyId: "LTAI5tExample" }), "MissingSignature");
    assert.equal(await ask({ Action: "AssumeRoleWithOIDC" }), "MissingSignature");
    assert.equal(await ask(oidc), "MissingParameter");
    const headers = { "x-acs-action": oidc.Action, "x-acs-version": oidc.Version };
    assert.equal(await ask({}, headers), "MissingParameter");
    assert.equal((await world.events()).length, before);
  });

  test("an operator registers only a provider that can be one", async () => {
    await using world = await StsWorld.start(database);
    await using idp = await IdentityProvider.start();
    const { accountId } = world.one;
    const good = settingsOf(idp);
    const code = async (change: Partial<typeof good>, of = accountId): Promise<string> => {
      try {
        await world.providers.create(of, { ...good, ...change });
        return "none";
      } catch (error) {
        assert.ok(error instanceof AdministrationError, String(error));
        return error.code;
      }
    };
    const wrong: readonly Partial<typeof good>[] = [
      { name: "" },
      { name: "a/b" },
      { issuer: "http://idp.example.com" },
      { issuer: "https://user@idp.example.com" },
      { issuer: "https://idp.example.com/?a" },
      { issuer: "https://idp.example.com#a" },
      { issuer: " https://idp.example.com" },
      { clientIds: [] },
      { clientIds: ["a\nb"] },
      { clientIds: Array.from({ length: 21 }, (_, i) => `client${i}`) },
      { ca: "none" },
      { ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
    ];
    for (const change of wrong) assert.equal(await code(change), "invalidProvider", JSON.stringify(change));
    assert.equal(await code({}), "none");
    assert.equal(await code({}), "providerExists");
    assert.equal(await code({}, world.other.accountId), "none");
    const listed = await world.providers.list({ accountId });
    assert.deepEqual(
      listed.map(({ name, issuer, clientIds, ca }) => ({ name, issuer, clientIds, ca })),
      [{ name: "ci", issuer: idp.issuer, clientIds: good.clientIds, ca: idp.ca }],
    );
    assert.equal((await world.providers.list()).length, 2);
    await assert.rejects(world.providers.delete(accountId, "none"), { code: "providerNotFound" });
  });
});

test("documents are fetched over https from addresses that may be asked, and not for ever", async (t) => {
  const serve = await serveHttps(t);
  const trust = { ca: serve.ca, allowsLocalAddresses: true };
  const fetched = (path: string, options = trust) => fetchDocument(new URL(path, serve.origin), options);
  serve.answer = (_request, response) => response.end('{"a":1}');
  assert.deepEqual(await fetched("/"), { a: 1 });
  const { hostname, port } = new URL(serve.origin);
  assert.equal(hostname, "127.0.0.1");
  assert.deepEqual(await fetchDocument(new URL(`https://localhost:${port}/`), trust), { a: 1 });

  const refuses = (call: Promise<unknown>, said: RegExp) => assert.rejects(call, { name: "FetchError", message: said });
  const strict = { ...trust, allowsLocalAddresses: false };
  await refuses(fetched("/", strict), /address of this machine/);
  for (const host of ["localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"]) {
    await refuses(fetchDocument(new URL(`https://${host}:${port}/`), strict), /this machine|could not be fetched/);
  }
  assert.equal(serve.requests, 2, "no other request has come");
  await refuses(fetchDocument(new URL(`http://127.0.0.1:${port}/`), trust), /not https/);
  await refuses(fetched("/", { ...trust, ca: undefined as unknown as string }), /could not be fetched/);
  serve.answer = (_request, response) => response.writeHead(302, { location: "/elsewhere" }).end();
  await refuses(fetched("/"), /answered with 302/);
  serve.answer = (_request, response) => response.end("{");
  await refuses(fetched("/"), /could not be fetched/);
  serve.answer = (_request, response) => response.end("x".repeat(1024 * 1024 + 1));
  await refuses(fetched("/"), /longer than 1 MiB/);
  serve.answer = (request) => request.socket.destroy();
  await refuses(fetched("/"), /could not be fetched/);
  serve.answer = (_request, response) => response.write("{");
  await refuses(fetched("/"), /could not be fetched/);
});

async function serveHttps(t: TestContext) {
  const directory = await temporaryDirectory(t);
  const names = ["127.0.0.1", "localhost"];
  const material = await ensureServerCertificate({ directory, names, now: Date.now() });
  const served = {
    origin: "",
    ca: "",
    requests: 0,
    answer: (_request: IncomingMessage, response: ServerResponse): unknown => response.end(),
  };
  const server = createServer({ key: material.key, cert: material.cert }, (request, response) => {
    served.requests++;
    served.answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const { readFile } = await import("node:fs/promises");
  return Object.assign(served, {
    origin: `https://127.0.0.1:${address.port}`,
    ca: await readFile(material.caFile, "utf8"),
  });
}
