import {
  ApiError,
  type DeclaredOperation,
  defineOperation,
  type DeploymentKeys,
  type FederatedPrincipal,
  readParameters,
  required,
  type RequestContext,
  type UnsignedContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant } from "../api.ts";
import type { IdentityTokenVerifier } from "../oidc/identity-token-verifier.ts";
import { parseOidcProviderArn } from "../oidc/provider.ts";
import { findOidcProvider, oidcProviderKind } from "../oidc/provider-repository.ts";
import { sts } from "./api.ts";
import { issueSession, sessionResult } from "./issue-session.ts";
import { durationSeconds, roleArn, roleSessionName, sessionPolicy } from "./parameters.ts";
import { loadRoleTarget, toAssume } from "./role-target.ts";

/** Longest and shortest token, in characters (STS, "AssumeRoleWithOIDC", OIDCToken). */
const TOKEN_CHARACTERS = { min: 4, max: 20_000 };

const parameters = {
  OIDCProviderArn: required({
    schema: z.string().transform((arn, { issues }) => {
      const parsed = parseOidcProviderArn(arn);
      if (parsed !== undefined) return parsed;
      const message = "It must read acs:ram::<account id>:oidc-provider/<provider name>.";
      issues.push({ code: "custom", input: arn, message });
      return z.NEVER;
    }),
    refusedAs: "InvalidParameter.OIDCProviderArn",
    description: "The ARN of the provider that issued the token: acs:ram::<account id>:oidc-provider/<provider name>.",
  }),
  RoleArn: roleArn,
  OIDCToken: required({
    schema: z
      .string()
      .min(TOKEN_CHARACTERS.min, `It must have at least ${TOKEN_CHARACTERS.min} characters.`)
      .max(TOKEN_CHARACTERS.max, `It must have at most ${TOKEN_CHARACTERS.max} characters.`),
    audit: "omit",
    refusedAs: "AuthenticationFail.OIDCToken.Invalid",
    description: "The token that the provider issued: a signed JSON Web Token.",
  }),
  RoleSessionName: roleSessionName,
  DurationSeconds: durationSeconds,
  Policy: sessionPolicy,
} as const;

const tokenInfo = z.object({
  Issuer: z.string(),
  Subject: z.string(),
  ClientIds: z.string(),
  IssuanceTime: z.string(),
  ExpirationTime: z.string(),
  VerificationInfo: z.literal("Success"),
});

export function assumeRoleWithOidc({
  keys,
  loadVerifier,
}: {
  readonly keys: Pick<DeploymentKeys, "accessKeyTag">;
  readonly loadVerifier: () => Promise<Pick<IdentityTokenVerifier, "verify">>;
}): DeclaredOperation {
  return defineOperation({
    ...sts,
    name: "AssumeRoleWithOIDC",
    summary:
      "Begins a session of a role for whoever holds a token of an OpenID Connect provider. It is called unsigned.",
    kind: "read",
    readWrite: "Read",
    parameters,
    result: z.object({ ...sessionResult, OIDCTokenInfo: tokenInfo }),
    recordedResult: [],
    errors: [
      "InvalidParameter.OIDCProviderArn",
      "InvalidParameter.RoleArn",
      "InvalidParameter.RoleSessionName",
      "InvalidParameter.DurationSeconds",
      "InvalidParameter.PolicyGrammar",
      "InvalidParameter.PolicySize",
      "AuthenticationFail.OIDCToken.Invalid",
      "AuthenticationFail.OIDCToken.Expired",
      "EntityNotExist.OIDCProvider",
      "NoPermission",
      "UnsupportedOperation",
    ],

    async identify(context, wire) {
      const { OIDCProviderArn, OIDCToken } = readParameters(parameters, wire);
      const provider = await loadProvider(context, OIDCProviderArn);
      const verifier = await loadVerifier();
      return verifier.verify(OIDCToken, { provider, now: context.callersTime });
    },

    async target(context, { RoleArn }) {
      const { identity, subject, accountId } = await loadFederated(context);
      const { issuer, audience, providerId } = identity;
      context.note({ providerId, tokenAudience: audience, tokenIssuer: issuer });
      // A provider vouches for nobody in accounts that have not registered it.
      if (RoleArn.accountId !== accountId) throw new ApiError("NoPermission");
      return loadRoleTarget(context, RoleArn, { "oidc:iss": issuer, "oidc:aud": audience, "oidc:sub": subject });
    },
    access: (_context, target) => [toAssume(target)],
    async handle(context, { RoleSessionName, DurationSeconds, Policy }, { role }) {
      const { identity, subject } = await loadFederated(context);
      const session = await issueSession(context, keys, {
        role,
        sessionName: RoleSessionName,
        durationSeconds: DurationSeconds,
        policy: Policy,
      });
      const OIDCTokenInfo = {
        Issuer: identity.issuer,
        Subject: subject,
        ClientIds: identity.audience.join(","),
        IssuanceTime: formatInstant(identity.issuedAt),
        ExpirationTime: formatInstant(identity.expiresAt),
        VerificationInfo: "Success",
      } as const;
      return { result: { ...session, OIDCTokenInfo } };
    },
  });
}

/** Read from the store itself: that there is none is not put on record, and has to be so now. */
async function loadProvider(context: UnsignedContext, place: { readonly accountId: string; readonly name: string }) {
  const provider = await findOidcProvider(context, place);
  if (provider === undefined) throw new ApiError("EntityNotExist.OIDCProvider");
  return provider;
}

/**
 * Who holds the token, if the provider that vouched for it is registered still.
 *
 * @throws ApiError `UnsupportedOperation` if the call was signed: it has another caller then.
 */
async function loadFederated(context: RequestContext): Promise<FederatedPrincipal> {
  const { principal } = context;
  if (principal.type !== "federated-user") {
    throw new ApiError(
      "UnsupportedOperation",
      "This action is not supported with a signature: send the call unsigned.",
    );
  }
  const provider = await context.find(oidcProviderKind, principal.identity.providerId);
  if (provider === undefined) throw new ApiError("EntityNotExist.OIDCProvider");
  return principal;
}
