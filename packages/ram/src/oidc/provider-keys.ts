import { createPublicKey, type JsonWebKey } from "node:crypto";
import { Lru } from "@cinnabar/kernel";
import { createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { type FetchDocument, FetchError } from "./fetch-document.ts";
import type { OidcProvider } from "./provider-repository.ts";

/** For how long fetched keys are used, in milliseconds: a provider that withdraws one is believed after that. */
const KEYS_LAST_MILLIS = 10 * 60 * 1000;
/** How soon a provider is asked again because of a key that it did not have, or because it failed, in milliseconds. */
const COOLDOWN_MILLIS = 10_000;
const PROVIDERS_KEPT = 1_000;
const MAX_KEYS = 100;
/** RFC 7518, section 3.3. */
const MIN_RSA_BITS = 2048;
/** P-256, P-384 and P-521, by their names in OpenSSL (RFC 7518, section 3.4). */
const EC_CURVES: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];

/** OpenID Connect Discovery 1.0, section 3. */
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https$/ }) });
/** RFC 7517, section 5. */
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) });

/** Keys as a provider was asked for them. */
interface Asked {
  readonly at: number;
  readonly keys: Promise<JWTVerifyGetKey>;
  outcome: "pending" | "fetched" | "failed";
}

/** What is known of a provider. */
interface Known {
  /** The last time that it was asked. */
  last: Asked;
  /** The last time that it gave keys, which may be the same. */
  fetched: Asked | undefined;
}

/**
 * The keys that providers sign with, fetched when they are first needed, and one time for all who wait for them. Those that
 * are there are used until their time is over, also if newer ones cannot be had.
 */
export class ProviderKeys {
  readonly #fetch: FetchDocument;
  readonly #now: () => number;
  readonly #known = new Lru<string, Known>(PROVIDERS_KEPT);

  /** @param options.now - milliseconds of a clock that never goes back. */
  constructor({ fetch, now }: { readonly fetch: FetchDocument; readonly now: () => number }) {
    this.#fetch = fetch;
    this.#now = now;
  }

  /** The provider's keys. @throws FetchError the same one for all, as long as the provider is not asked again. */
  find(provider: OidcProvider): Promise<JWTVerifyGetKey> {
    const known = this.#known.get(provider.id);
    if (known === undefined) return this.#ask(provider);
    const { fetched, last } = known;
    if (fetched !== undefined && this.#ageOf(fetched) < KEYS_LAST_MILLIS) return fetched.keys;
    return last.outcome === "pending" || this.#isRecent(last) ? last.keys : this.#ask(provider);
  }

  /**
   * Its keys fetched anew, since one was missing; `undefined` if that was done a moment ago.
   *
   * @throws FetchError as {@link ProviderKeys.find} does.
   */
  async findNewer(provider: OidcProvider): Promise<JWTVerifyGetKey | undefined> {
    const last = this.#known.get(provider.id)?.last;
    if (last === undefined) return this.#ask(provider);
    if (last.outcome === "pending") return last.keys;
    if (!this.#isRecent(last)) return this.#ask(provider);
    return last.outcome === "failed" ? last.keys : undefined;
  }

  #isRecent(asked: Asked): boolean {
    return this.#ageOf(asked) < COOLDOWN_MILLIS;
  }

  #ageOf({ at }: Asked): number {
    return this.#now() - at;
  }

  #ask(provider: OidcProvider): Promise<JWTVerifyGetKey> {
    const last: Asked = { at: this.#now(), keys: this.#fetchKeys(provider), outcome: "pending" };
    const known: Known = this.#known.get(provider.id) ?? { last, fetched: undefined };
    known.last = last;
    last.keys.then(
      () => {
        last.outcome = "fetched";
        known.fetched = last;
      },
      () => {
        last.outcome = "failed";
      },
    );
    this.#known.set(provider.id, known);
    return last.keys;
  }

  async #fetchKeys(provider: OidcProvider): Promise<JWTVerifyGetKey> {
    const { issuer } = provider;
    const discovery = discoverySchema.safeParse(await this.#fetch(discoveryUrl(issuer), provider));
    if (!discovery.success) throw new FetchError(`what ${issuer} says of itself is not as OpenID Connect has it`);
    if (discovery.data.issuer !== issuer) throw new FetchError(`${issuer} calls itself otherwise`);
    const keySet = keySetSchema.safeParse(await this.#fetch(new URL(discovery.data.jwks_uri), provider));
    if (!keySet.success) throw new FetchError(`the keys of ${issuer} are not a key set, or too many`);
    return createLocalJWKSet({ keys: keySet.data.keys.filter(isUsable) });
  }
}

/** Whether signatures can be checked with a key. A weak one, or one that is none, spoils the others for nobody. */
function isUsable(jwk: JsonWebKey): boolean {
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey({ key: jwk, format: "jwk" });
    if (type === "rsa") return (details?.modulusLength ?? 0) >= MIN_RSA_BITS;
    return type === "ed25519" || (type === "ec" && EC_CURVES.includes(details?.namedCurve ?? ""));
  } catch {
    return false;
  }
}

/** OpenID Connect Discovery 1.0, section 4.1. */
export function discoveryUrl(issuer: string): URL {
  return new URL(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
}
