import { invalidParameter, type Principal, required, type RequestContext, rootPrincipal } from "@cinnabar/kernel";
import { boundedText } from "../parameters/text.ts";
import { ramArn } from "../resource-name.ts";
import { loadRole } from "../role/load-role.ts";
import { loadUserByName } from "../user/user-repository.ts";

/** Names whoever a question is about. */
interface PrincipalReference {
  readonly accountId: string;
  readonly kind: "root" | "user" | "role";
  readonly name: string;
  readonly sessionName: string;
}

const MAX_PRINCIPAL_CHARACTERS = 256;
const PRINCIPAL =
  /^(?:acs:ram::(?<accountId>[0-9]{16}):)?(?:root|user\/(?<user>[A-Za-z0-9._-]{1,64})|role\/(?<role>[A-Za-z0-9.-]{1,64})(?:\/(?<session>[A-Za-z0-9.@_-]{2,64}))?)$/;
/** What a session is called of which only the role was told. */
const ANY_SESSION = "session";

export const authPrincipal = required({
  schema: boundedText(MAX_PRINCIPAL_CHARACTERS),
  description:
    "Who: root, user/<name>, role/<name> or role/<name>/<session>, of another account with acs:ram::<account id>: before it.",
});

/** @throws ApiError `InvalidParameter` */
export function parseAskedPrincipal(context: RequestContext, text: string): PrincipalReference {
  const groups = PRINCIPAL.exec(text)?.groups;
  if (groups === undefined) {
    throw invalidParameter(
      "AuthPrincipal",
      "It must be root, user/<name> or role/<name>, with or without acs:ram::<account id>: before it.",
    );
  }
  const { accountId = context.principal.accountId, user, role, session: sessionName = ANY_SESSION } = groups;
  const kind = user === undefined ? (role === undefined ? "root" : "role") : "user";
  return { accountId, kind, name: user ?? role ?? "root", sessionName };
}

/**
 * Whoever a question is about, as if it called. Of another account's it is not asked whether there are such users and roles.
 *
 * @param mfaPresent - whether whoever assumed the role had shown a second factor.
 * @throws ApiError `EntityNotExist.User` or `EntityNotExist.Role`
 */
export async function loadAskedPrincipal(
  context: RequestContext,
  { accountId, kind, name, sessionName }: PrincipalReference,
  { mfaPresent }: { readonly mfaPresent: boolean },
): Promise<Principal> {
  const isOwn = accountId === context.principal.accountId;
  const caller = { accountId, accessKeyId: "" };
  if (kind === "root") return rootPrincipal(caller);
  if (kind === "user") {
    const userId = isOwn ? (await loadUserByName(context, name)).userId : "";
    return { type: "ram-user", ...caller, arn: ramArn(accountId, "user", name), userId, userName: name };
  }
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
}
