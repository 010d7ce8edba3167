import { ApiError, type FederatedPrincipal } from "@cinnabar/kernel";
import { errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions } from "jose";
import { z } from "zod";
import { fetchDocument, FetchError } from "./fetch-document.ts";
import { oidcProviderArn } from "./provider.ts";
import { ProviderKeys } from "./provider-keys.ts";
import type { OidcProvider } from "./provider-repository.ts";

/** Signatures by a private key alone: with the others, whoever checks a token could make one. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "Ed25519",
  "EdDSA",
];
const CLOCK_TOLERANCE_SECONDS = 60;
/** OpenID Connect Core 1.0, section 2, `sub`. */
const MAX_SUBJECT_CHARACTERS = 255;
/** The end of the year 9999: later instants have no usual text. */
const MAX_SECONDS = 253_402_300_799;

/** Checks tokens of providers, whose keys it fetches and keeps. */
export class IdentityTokenVerifier {
  readonly #keys: ProviderKeys;

  constructor(keys = new ProviderKeys({ fetch: fetchDocument, now: () => performance.now() })) {
    this.#keys = keys;
  }

  /**
   * Checks a token: its signature by one of the keys that the provider publishes, its issuer, that it is for one of the
   * provider's clients, that it is valid now, and that its claims can go on record.
   *
   * @param options.now - what the clocks of callers show, in milliseconds since 1970.
   * @throws ApiError `AuthenticationFail.OIDCToken.Invalid`, `AuthenticationFail.OIDCToken.Expired`, or
   * `ServiceUnavailableTemporary` if the provider's keys cannot be had.
   */
  async verify(
    token: string,
    { provider, now }: { readonly provider: OidcProvider; readonly now: number },
  ): Promise<FederatedPrincipal> {
    const { issuer, clientIds } = provider;
    const options: JWTVerifyOptions = {
      algorithms: ALGORITHMS,
      issuer,
      audience: [...clientIds],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(now),
      requiredClaims: ["sub", "iat", "exp"],
    };
    try {
      const known = await this.#keys.find(provider);
      const payload = await verifyWith(token, { options, known, newer: () => this.#keys.findNewer(provider) });
      return toPrincipal(provider, { payload, now });
    } catch (error) {
      throw toApiError(error);
    }
  }
}

async function verifyWith(
  token: string,
  {
    options,
    known,
    newer,
  }: {
    readonly options: JWTVerifyOptions;
    readonly known: JWTVerifyGetKey;
    /** Keys fetched since; `undefined` if there are none. */
    readonly newer: () => Promise<JWTVerifyGetKey | undefined>;
  },
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, known, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    const keys = await newer();
    if (keys === undefined) throw error;
    return (await jwtVerify(token, keys, options)).payload;
  }
}

function toApiError(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new ApiError("AuthenticationFail.OIDCToken.Expired");
  if (error instanceof errors.JOSEError) return invalid(`${error.message}.`);
  if (error instanceof ApiError) return error;
  if (!(error instanceof FetchError)) return invalid("It cannot be checked with the key that it names.");
  const message = "The keys of the identity provider cannot be had. Send the request again.";
  return new ApiError("ServiceUnavailableTemporary", message, { cause: error });
}

const claimText = z.string().refine(isPlainText);
const claimSeconds = z.int().min(0).max(MAX_SECONDS);

/** What is read of a token. Its claims go into events, into answers, and to policies. */
const claimsSchema = z.object({
  sub: claimText.min(1).max(MAX_SUBJECT_CHARACTERS),
  aud: z.union([claimText.transform((audience) => [audience]), z.array(claimText)]),
  iat: claimSeconds,
  exp: claimSeconds,
});

const CLAIM_RULES: Readonly<Record<string, string>> = {
  sub: `"sub" must be a text of 1 to ${MAX_SUBJECT_CHARACTERS} characters, none of them a control character.`,
  aud: '"aud" must be a text or a list of texts, without control characters.',
  iat: '"iat" must be whole seconds since 1970.',
  exp: '"exp" must be whole seconds since 1970.',
};

/** Whether a text can stand in a log and an answer as it is: Unicode, on one line. */
function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);
}

function toPrincipal(
  provider: OidcProvider,
  { payload, now }: { readonly payload: JWTPayload; readonly now: number },
): FederatedPrincipal {
  const claims = claimsSchema.safeParse(payload);
  if (!claims.success)
    throw invalid(CLAIM_RULES[String(claims.error.issues[0]?.path[0])] ?? "Its claims are malformed.");
  const { sub, aud, iat, exp } = claims.data;
  if (iat > Math.floor(now / 1000) + CLOCK_TOLERANCE_SECONDS) throw invalid('"iat" is in the future.');
  return {
    type: "federated-user",
    accountId: provider.accountId,
    accessKeyId: "",
    arn: oidcProviderArn(provider.accountId, provider.name),
    subject: sub,
    identity: {
      providerId: provider.id,
      providerName: provider.name,
      issuer: provider.issuer,
      audience: aud,
      issuedAt: iat * 1000,
      expiresAt: exp * 1000,
    },
  };
}

/** The reason names claims and never repeats what stands in them. */
function invalid(reason: string): ApiError {
  return new ApiError("AuthenticationFail.OIDCToken.Invalid", `This JsonWebToken is invalid. ${reason}`);
}
