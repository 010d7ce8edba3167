import type { CallParameters, Credentials } from "@cinnabar/client";
import type { Administration, KeepAccessKey } from "@cinnabar/ram";
import type { OpenedAdministration } from "../administered-deployment.ts";
import type { IdentityProvider } from "../identity-provider.ts";
import type { ServerProcess } from "../server-process.ts";
import { encrypts, Household, POLICY, RAM, RESOURCE_SHARING, trusts } from "./household.ts";
import { untilDone } from "./refusal-code.ts";
import type { Change, Right } from "./switched-right.ts";

const DENIED = "Forbidden.NoPermission";
const NO_SUCH_KEY = "Forbidden.KeyNotFound";
const NO_SUCH_ACCESS_KEY = "InvalidAccessKeyId.NotFound";
const INACTIVE = "InvalidAccessKeyId.Inactive";
const ENDED_SESSION = "InvalidSecurityToken.Expired";
const SERVICE = "oss";

/** One way in which somebody has a right and loses it. */
export interface KindOfRight {
  readonly title: string;
  /** A right of this kind, of somebody who has it by nothing else. */
  make(): Promise<Right>;
}

/** All kinds, of accounts of their own. Rights are made through one server, whose root's credentials these are. */
export async function kindsOfRights(
  { endpoint, credentials }: Pick<ServerProcess, "endpoint" | "credentials">,
  {
    administration,
    idp,
    resources,
  }: {
    readonly administration: OpenedAdministration;
    readonly idp: IdentityProvider;
    readonly resources: DisposableStack;
  },
): Promise<readonly KindOfRight[]> {
  const establish = async (root: Credentials) => resources.use(await Household.establish(endpoint, root));
  const owner = await establish(credentials);
  const vendor = await establish(await newAccount(administration));
  const closed = await establish(await newAccount(administration));
  const closedUser = await closed.user();
  await closed.attach(closedUser);
  const service = await accessKeyFrom((keep) => administration.services.create(SERVICE, keep));

  return [
    {
      title: "a policy is detached from a user",
      async make() {
        const user = await owner.user();
        await owner.attach(user);
        const parameters = { UserName: user.name, ...POLICY };
        return {
          ...rightTo(owner, user.credentials),
          withdraw: ram("DetachPolicyFromUser", parameters),
          give: ram("AttachPolicyToUser", parameters),
        };
      },
    },
    {
      title: "a policy of Deny is attached to a user",
      async make() {
        const user = await owner.user();
        await owner.attach(user);
        const parameters = { UserName: user.name, PolicyType: "Custom", PolicyName: await owner.policy("Deny") };
        return {
          ...rightTo(owner, user.credentials),
          withdraw: ram("AttachPolicyToUser", parameters),
          give: ram("DetachPolicyFromUser", parameters),
        };
      },
    },
    {
      title: "a user is removed from a group",
      async make() {
        const user = await owner.user();
        const parameters = { UserName: user.name, GroupName: await owner.group() };
        await owner.ram("AddUserToGroup", parameters);
        return {
          ...rightTo(owner, user.credentials),
          withdraw: ram("RemoveUserFromGroup", parameters),
          give: ram("AddUserToGroup", parameters),
        };
      },
    },
    {
      title: "a policy is detached from a user's group",
      async make() {
        const user = await owner.user();
        const GroupName = await owner.group();
        await owner.ram("AddUserToGroup", { UserName: user.name, GroupName });
        const parameters = { GroupName, ...POLICY };
        return {
          ...rightTo(owner, user.credentials),
          withdraw: ram("DetachPolicyFromGroup", parameters),
          give: ram("AttachPolicyToGroup", parameters),
        };
      },
    },
    {
      title: "another version of a policy is put in force",
      async make() {
        const user = await owner.user();
        const parameters = { PolicyName: await owner.attachOwn(user) };
        await owner.ram("CreatePolicyVersion", { ...parameters, PolicyDocument: encrypts("Deny") });
        return {
          ...rightTo(owner, user.credentials),
          withdraw: ram("SetDefaultPolicyVersion", { ...parameters, VersionId: "v2" }),
          give: ram("SetDefaultPolicyVersion", { ...parameters, VersionId: "v1" }),
        };
      },
    },
    {
      title: "a new version of a policy is put in force",
      async make() {
        const user = await owner.user();
        const parameters = {
          PolicyName: await owner.attachOwn(user),
          SetAsDefault: "true",
          RotateStrategy: "DeleteOldestNonDefaultVersionWhenLimitExceeded",
        };
        return {
          ...rightTo(owner, user.credentials),
          withdraw: ram("CreatePolicyVersion", { ...parameters, PolicyDocument: encrypts("Deny") }),
          give: ram("CreatePolicyVersion", { ...parameters, PolicyDocument: encrypts("Allow") }),
        };
      },
    },
    {
      title: "an AccessKey is disabled",
      async make() {
        const user = await owner.user();
        await owner.attach(user);
        const parameters = { UserName: user.name, UserAccessKeyId: user.credentials.accessKeyId };
        return {
          ...rightTo(owner, user.credentials),
          withdraw: ram("UpdateAccessKey", { ...parameters, Status: "Inactive" }),
          give: ram("UpdateAccessKey", { ...parameters, Status: "Active" }),
          refusedAs: INACTIVE,
        };
      },
    },
    {
      title: "an AccessKey is deleted",
      async make() {
        const user = await owner.user();
        await owner.attach(user);
        const parameters = { UserName: user.name, UserAccessKeyId: user.credentials.accessKeyId };
        return {
          ...rightTo(owner, user.credentials),
          withdraw: ram("DeleteAccessKey", parameters),
          refusedAs: NO_SUCH_ACCESS_KEY,
        };
      },
    },
    {
      title: "a user is deleted with its AccessKey",
      async make() {
        const user = await owner.user();
        const UserName = user.name;
        const keyId = await owner.key(owner.arn(`user/${UserName}`));
        const UserAccessKeyId = user.credentials.accessKeyId;
        return {
          ...rightTo(owner, user.credentials),
          keyId,
          async withdraw(root) {
            const isGone = (code: string) => code.startsWith("EntityNotExist");
            await untilDone(() => ram("DeleteAccessKey", { UserName, UserAccessKeyId })(root), isGone);
            await untilDone(() => ram("DeleteUser", { UserName })(root), isGone);
          },
          refusedAs: NO_SUCH_ACCESS_KEY,
        };
      },
    },
    {
      title: "a policy is detached from the role of a session",
      async make() {
        const role = await owner.role();
        const parameters = { RoleName: role, ...POLICY };
        await owner.ram("AttachPolicyToRole", parameters);
        return {
          ...rightTo(owner, await owner.session(role)),
          withdraw: ram("DetachPolicyFromRole", parameters),
          give: ram("AttachPolicyToRole", parameters),
        };
      },
    },
    {
      title: "the trust policy of a session's role is changed",
      async make() {
        const RoleName = await owner.role();
        await owner.ram("AttachPolicyToRole", { RoleName, ...POLICY });
        const NewAssumeRolePolicyDocument = trusts({ RAM: ["acs:ram::1000000000000000:root"] });
        return {
          ...rightTo(owner, await owner.session(RoleName)),
          withdraw: ram("UpdateRole", { RoleName, NewAssumeRolePolicyDocument }),
          refusedAs: ENDED_SESSION,
        };
      },
    },
    {
      title: "the role of a session is deleted",
      async make() {
        const RoleName = await owner.role();
        const keyId = await owner.key(owner.arn(`role/${RoleName}`));
        return {
          ...rightTo(owner, await owner.session(RoleName)),
          keyId,
          withdraw: ram("DeleteRole", { RoleName }),
          refusedAs: ENDED_SESSION,
        };
      },
    },
    {
      title: "a key's policy is changed",
      async make() {
        const user = await owner.user();
        const KeyId = await owner.key(owner.arn(`user/${user.name}`));
        return {
          ...rightTo(owner, user.credentials),
          keyId: KeyId,
          withdraw: setKeyPolicy({ KeyId, Policy: owner.keyPolicy() }),
          give: setKeyPolicy({ KeyId, Policy: owner.keyPolicy(owner.arn(`user/${user.name}`)) }),
        };
      },
    },
    {
      title: "a key's policy is changed for a role of another account",
      async make() {
        const RoleName = await vendor.role();
        await vendor.ram("AttachPolicyToRole", { RoleName, ...POLICY });
        const role = vendor.arn(`role/${RoleName}`);
        const KeyId = await owner.key(role);
        return {
          credentials: await vendor.session(RoleName),
          keyId: owner.keyArn(KeyId),
          withdraw: setKeyPolicy({ KeyId, Policy: owner.keyPolicy() }),
          give: setKeyPolicy({ KeyId, Policy: owner.keyPolicy(role) }),
          refusedAs: NO_SUCH_KEY,
        };
      },
    },
    {
      title: "an instance is shared no more",
      async make() {
        const { instanceId, share } = await owner.shareInstance(administration.instances, vendor);
        const KeyId = await vendor.keyIn(instanceId);
        const user = await vendor.user();
        await vendor.attach(user);
        return {
          ...rightTo(vendor, user.credentials),
          keyId: KeyId,
          withdraw: resourceSharing("DisassociateResourceShare", share),
          give: resourceSharing("AssociateResourceShare", share),
        };
      },
    },
    {
      title: "a service is disabled that has begun a session",
      async make() {
        const RoleName = await owner.role({ Service: [`${SERVICE}.aliyuncs.com`] });
        await owner.ram("AttachPolicyToRole", { RoleName, ...POLICY });
        return {
          ...rightTo(owner, await owner.sessionOf(service, RoleName)),
          withdraw: () => administration.services.setEnabled(SERVICE, false),
          give: () => administration.services.setEnabled(SERVICE, true),
          refusedAs: INACTIVE,
        };
      },
    },
    {
      title: "the provider is deleted whose token began a session",
      async make() {
        const { provider, credentials } = await owner.federatedSession(administration, idp);
        return {
          ...rightTo(owner, credentials),
          withdraw: () => administration.providers.delete(owner.accountId, provider),
          refusedAs: ENDED_SESSION,
        };
      },
    },
    {
      title: "an account is disabled",
      make: () =>
        Promise.resolve({
          ...rightTo(closed, closedUser.credentials),
          withdraw: () => administration.setAccountEnabled(closed.accountId, false),
          give: () => administration.setAccountEnabled(closed.accountId, true),
          refusedAs: INACTIVE,
        }),
    },
  ];
}

/** To encrypt with the household's key. */
function rightTo({ keyId }: Household, credentials: Credentials): Pick<Right, "credentials" | "keyId" | "refusedAs"> {
  return { credentials, keyId, refusedAs: DENIED };
}

async function newAccount(administration: Administration): Promise<Credentials> {
  return accessKeyFrom((keep) => administration.createAccount(keep));
}

async function accessKeyFrom(make: (keep: KeepAccessKey) => Promise<unknown>): Promise<Credentials> {
  const made: Credentials[] = [];
  await make(({ accessKeyId, secret }) => {
    made.push({ accessKeyId, accessKeySecret: secret.toString("latin1") });
    return Promise.resolve();
  });
  const [credentials] = made;
  if (credentials === undefined) throw new Error("no AccessKey was made");
  return credentials;
}

function ram(action: string, parameters: CallParameters): Change {
  return (root) => root.call(action, parameters, { version: RAM });
}

function resourceSharing(action: string, parameters: CallParameters): Change {
  return (root) => root.call(action, parameters, { version: RESOURCE_SHARING });
}

function setKeyPolicy(parameters: CallParameters): Change {
  return (root) => root.call("SetKeyPolicy", parameters);
}
