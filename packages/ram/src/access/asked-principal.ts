import {
  ApiError,
  type FederatedPrincipal,
  invalidParameter,
  type Principal,
  required,
  type RequestContext,
  rootPrincipal,
  storableText,
} from "@cinnabar/kernel";
import { findServiceAccount } from "../account.ts";
import { oidcProviderArn } from "../oidc/provider.ts";
import { findOidcProvider } from "../oidc/provider-repository.ts";
import { ramArn, serviceArn } from "../resource-name.ts";
import { loadRole } from "../role/load-role.ts";
import { isServiceName } from "../service/service-name.ts";
import { loadUserByName } from "../user/user-repository.ts";
import type { Applications } from "./applications.ts";

/** Names whoever a question is about. */
interface PrincipalReference {
  /** Empty for a service, which belongs to none. */
  readonly accountId: string;
  readonly kind: "root" | "user" | "role" | "application" | "service" | "provider";
  readonly name: string;
  readonly sessionName: string;
}

const MAX_PRINCIPAL_CHARACTERS = 256;
/** Whoever RAM knows. */
const OF_RAM =
  /^(?:acs:ram::(?<accountId>[0-9]{16}):)?(?:root|user\/(?<user>[A-Za-z0-9._-]{1,64})|role\/(?<role>[A-Za-z0-9.-]{1,64})(?:\/(?<session>[A-Za-z0-9.@_-]{2,64}))?|oidc-provider\/(?<provider>[A-Za-z0-9._-]{1,128}))$/;
const APPLICATION =
  /^(?:application\/|acs:kms:[a-z0-9-]*:(?<accountId>[0-9]{16}):applicationaccesspoint\/)(?<name>[A-Za-z0-9_.-]{1,128})$/;
const SERVICE = /^service\/(?<name>[a-z-]+)\.aliyuncs\.com$/;
/** What a session is called of which only the role was told. */
const ANY_SESSION = "session";

export const authPrincipal = required({
  schema: storableText({ maxCharacters: MAX_PRINCIPAL_CHARACTERS }),
  description:
    "Who: root, user/<name>, role/<name> or role/<name>/<session>, of another account with acs:ram::<account id>: before it; application/<access point>; service/<name>.aliyuncs.com; oidc-provider/<name> for whoever it vouches for.",
});

/** @throws ApiError `InvalidParameter` */
export function parseAskedPrincipal(context: RequestContext, text: string): PrincipalReference {
  const { accountId: own } = context.principal;
  const rest = { sessionName: "" };
  const application = APPLICATION.exec(text)?.groups;
  if (application !== undefined) {
    const { accountId = own, name = "" } = application;
    return { accountId, kind: "application", name, ...rest };
  }
  const service = SERVICE.exec(text)?.groups?.["name"];
  if (service !== undefined && isServiceName(service))
    return { accountId: "", kind: "service", name: service, ...rest };
  const groups = OF_RAM.exec(text)?.groups;
  if (groups === undefined) {
    throw invalidParameter(
      "AuthPrincipal",
      "It must be root, user/<name> or role/<name>, with or without acs:ram::<account id>: before it, application/<access point>, service/<name>.aliyuncs.com, or oidc-provider/<name>.",
    );
  }
  const { accountId = own, user, role, provider, session: sessionName = ANY_SESSION } = groups;
  if (user !== undefined) return { accountId, kind: "user", name: user, ...rest };
  if (role !== undefined) return { accountId, kind: "role", name: role, sessionName };
  if (provider !== undefined) return { accountId, kind: "provider", name: provider, ...rest };
  return { accountId, kind: "root", name: "root", ...rest };
}

/**
 * Whoever a question is about, as if it called. Of another account's it is not asked whether there are such users and roles,
 * and neither whether a service is enabled.
 *
 * @param options.mfaPresent - whether whoever assumed the role had shown a second factor.
 * @throws ApiError `EntityNotExist.User`, `EntityNotExist.Role`, `EntityNotExist.OIDCProvider` or `Forbidden.ResourceNotFound`
 */
export async function loadAskedPrincipal(
  context: RequestContext,
  { accountId, kind, name, sessionName }: PrincipalReference,
  { mfaPresent, applications }: { readonly mfaPresent: boolean; readonly applications: Applications },
): Promise<Principal> {
  const isOwn = accountId === context.principal.accountId;
  const caller = { accountId, accessKeyId: "" };
  switch (kind) {
    case "root":
      return rootPrincipal(caller);
    case "user": {
      const userId = isOwn ? (await loadUserByName(context, name)).userId : "";
      return { type: "ram-user", ...caller, arn: ramArn(accountId, "user", name), userId, userName: name };
    }
    case "role":
      return {
        type: "assumed-role",
        ...caller,
        arn: `${ramArn(accountId, "role", name)}/${sessionName}`,
        roleId: isOwn ? (await loadRole(context, name)).roleId : "",
        roleName: name,
        sessionName,
        sessionPolicy: undefined,
        mfaPresent,
        startedAt: context.now,
      };
    case "application": {
      const application = await applications.find(context, name);
      if (application === undefined) throw new ApiError("Forbidden.ResourceNotFound");
      return application.principal;
    }
    case "service": {
      // Of one that was never enabled nobody knows more than the name.
      const id = (await findServiceAccount(context, name))?.id ?? "";
      const arn = id === "" ? `${name}.aliyuncs.com` : serviceArn(id, name);
      return { type: "service", accountId: id, accessKeyId: "", serviceName: name, arn };
    }
    case "provider":
      return loadFederated(context, name);
  }
}

/** Whoever a provider of the caller's account vouches for. */
async function loadFederated(context: RequestContext, name: string): Promise<FederatedPrincipal> {
  const { accountId } = context.principal;
  const provider = await findOidcProvider(context, { accountId, name });
  if (provider === undefined) throw new ApiError("EntityNotExist.OIDCProvider");
  const { id: providerId, issuer } = provider;
  const identity = { providerId, providerName: name, issuer, audience: [], issuedAt: context.now };
  return {
    type: "federated-user",
    accountId,
    accessKeyId: "",
    arn: oidcProviderArn(accountId, name),
    subject: "",
    identity: { ...identity, expiresAt: context.now },
  };
}
