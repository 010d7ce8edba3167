import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer, request, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const CLIENT = { id: "builds", secret: "the secret of the builds" };
/** What tokens have in `aud`. */
const AUDIENCE = "kms";

const PACKAGE: string = "oidc-provider";

/** What is used of the package, which brings no types. */
interface ProviderPackage {
  readonly default: new (issuer: string, configuration: object) => { callback(): RequestListener };
}

/** An OpenID Connect provider that serves https on loopback: the npm package oidc-provider, as others run it. */
export class IdentityProvider implements AsyncDisposable {
  readonly issuer: string;
  /** Whom its tokens are for. */
  readonly audience = AUDIENCE;
  /** PEM of the CA that its certificate is of. */
  readonly ca: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: { issuer: string; ca: string; resources: AsyncDisposableStack }) {
    this.issuer = parts.issuer;
    this.ca = parts.ca;
    this.#resources = parts.resources;
  }

  static async start(): Promise<IdentityProvider> {
    await using resources = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "cinnabar-idp-"));
    resources.defer(() => rm(directory, { recursive: true }));
    // Not for every test that imports this package.
    const { ensureServerCertificate } = await import("@cinnabar/server");
    const material = await ensureServerCertificate({ directory, names: ["127.0.0.1"], now: Date.now() });
    const server = createServer({ key: material.key, cert: material.cert });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the provider does not listen");
    const issuer = `https://127.0.0.1:${address.port}`;
    resources.defer(async () => {
      await stop(server);
    });
    const { default: Provider } = (await import(PACKAGE)) as ProviderPackage;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const resourceServer = {
      scope: "",
      audience: AUDIENCE,
      accessTokenFormat: "jwt",
      accessTokenTTL: 3600,
      jwt: { sign: { alg: "ES256" } },
    };
    const provider = new Provider(issuer, {
      jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "one", alg: "ES256", use: "sig" }] },
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          grant_types: ["client_credentials"],
          redirect_uris: [],
          response_types: [],
          id_token_signed_response_alg: "ES256",
        },
      ],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: { enabled: true, getResourceServerInfo: () => resourceServer },
      },
    });
    server.on("request", provider.callback());
    const ca = await readFile(material.caFile, "utf8");
    return new IdentityProvider({ issuer, ca, resources: resources.move() });
  }

  /** A token for whoever is meant, as the provider issues it to a program. */
  async issueToken(): Promise<string> {
    const credentials = Buffer.from(`${CLIENT.id}:${encodeURIComponent(CLIENT.secret)}`).toString("base64");
    const call = request(new URL("/token", this.issuer), {
      method: "POST",
      ca: this.ca,
      agent: false,
      headers: { authorization: `Basic ${credentials}`, "content-type": "application/x-www-form-urlencoded" },
    });
    call.end(new URLSearchParams({ grant_type: "client_credentials", resource: "urn:kms" }).toString());
    const [response] = (await once(call, "response")) as [NodeJS.ReadableStream];
    const answer = JSON.parse(await text(response)) as { access_token?: string };
    if (answer.access_token === undefined) throw new Error(`the provider gave no token: ${JSON.stringify(answer)}`);
    return answer.access_token;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

function stop(server: Server): Promise<unknown> {
  server.closeAllConnections();
  return new Promise((stopped) => server.close(stopped));
}
