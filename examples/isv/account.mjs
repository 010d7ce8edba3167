import { readFileSync } from "node:fs";
import core from "@alicloud/openapi-core";

/** Somebody who calls: by the official core client, which speaks every API that Cinnabar serves. */
function connect(endpoint, { AccessKeyId, AccessKeySecret, SecurityToken }) {
  const { protocol, host } = new URL(endpoint);
  const client = new core.default(
    new core.$OpenApiUtil.Config({
      endpoint: host,
      protocol: protocol.replace(":", ""),
      accessKeyId: AccessKeyId,
      accessKeySecret: AccessKeySecret,
      securityToken: SecurityToken,
    }),
  );
  const rpc = {
    pathname: "/",
    method: "POST",
    authType: "AK",
    style: "RPC",
    reqBodyType: "formData",
    bodyType: "json",
  };
  const calling = (version) => async (action, query) => {
    const params = new core.$OpenApiUtil.Params({ ...rpc, action, version });
    return (await client.callApi(params, new core.$OpenApiUtil.OpenApiRequest({ query }), {})).body;
  };
  return {
    kms: calling("2016-01-20"),
    ram: calling("2015-05-01"),
    sts: calling("2015-04-01"),
    actiontrail: calling("2020-07-06"),
    /** Somebody else of the same server. */
    as: (credentials) => connect(endpoint, credentials),
  };
}

/** The root of an account, by a file with credentials as `cinnabar init` and `cinnabar account create -o FILE` write it. */
export function connectRoot(file) {
  const { Endpoint, ...credentials } = JSON.parse(readFileSync(file, "utf8"));
  return connect(Endpoint, credentials);
}

/** A policy document. */
export function policy(...Statement) {
  return JSON.stringify({ Version: "1", Statement });
}

/** Makes a user with one policy and an AccessKey. */
export async function createUser(root, name, statement) {
  await root.ram("CreateUser", { UserName: name });
  await root.ram("CreatePolicy", { PolicyName: name, PolicyDocument: policy(statement) });
  await root.ram("AttachPolicyToUser", { UserName: name, PolicyName: name, PolicyType: "Custom" });
  return root.as((await root.ram("CreateAccessKey", { UserName: name })).AccessKey);
}

/** Makes a role with one policy, and gives its ARN. */
export async function createRole(root, name, { trust, statement }) {
  const { Role } = await root.ram("CreateRole", { RoleName: name, AssumeRolePolicyDocument: policy(trust) });
  await root.ram("CreatePolicy", { PolicyName: name, PolicyDocument: policy(statement) });
  await root.ram("AttachPolicyToRole", { RoleName: name, PolicyName: name, PolicyType: "Custom" });
  return Role.Arn;
}
