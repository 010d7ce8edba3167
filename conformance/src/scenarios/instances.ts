import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Body } from "../official-client.ts";
import type { Caller } from "../caller.ts";
import type { Scenario } from "./scenario.ts";

const RESOURCE_SHARING = { version: "2020-01-10" };
const NOBODYS = "kst-abcdefghijklmnopqrstu";
const NETWORK = { KMProvider: "Aliyun", VpcId: "vpc-1", ZoneIds: "a,b", VSwitchIds: "vsw-1" };

/** An instance that waits to be connected, which is the only one. */
async function makeInstance(root: Caller): Promise<string> {
  await root.deployment.createInstance();
  const { KmsInstances } = await root.call("ListKmsInstances");
  const [{ KmsInstanceId } = { KmsInstanceId: "" }] = (KmsInstances as { KmsInstance: { KmsInstanceId: string }[] })
    .KmsInstance;
  return KmsInstanceId;
}

function sharing(root: Caller) {
  return (action: string, parameters: Readonly<Record<string, string>> = {}): Promise<Body> =>
    root.call(action, parameters, RESOURCE_SHARING);
}

export const instanceScenarios: readonly Scenario[] = [
  {
    title: "tells that there are no instances, and finds none of any name",
    async run(root) {
      const listed = await root.call("ListKmsInstances", { PageNumber: "1", PageSize: "10" });
      assert.deepEqual([listed["KmsInstances"], listed["TotalCount"]], [{ KmsInstance: [] }, 0]);
      const NOT_FOUND = "Forbidden.DKMSInstanceNotFound";
      await root.refused(NOT_FOUND, "GetDefaultKmsInstance");
      await root.refused(NOT_FOUND, "CreateKey", { DKMSInstanceId: NOBODYS });
      for (const action of ["GetKmsInstance", "GetKmsInstanceQuotaInfos", "ReleaseKmsInstance"]) {
        await root.refused(NOT_FOUND, action, { KmsInstanceId: NOBODYS });
      }
      await root.refused(NOT_FOUND, "ConnectKmsInstance", { KmsInstanceId: NOBODYS, ...NETWORK });
      await root.refused(NOT_FOUND, "UpdateKmsInstance", { KmsInstanceId: NOBODYS, InstanceName: "text" });
      await root.refused(NOT_FOUND, "UpdateKmsInstanceBindVpc", { KmsInstanceId: NOBODYS, BindVpcs: "[]" });
    },
  },
  {
    title: "connects an instance, looks at it, renames it and releases it",
    async run(root) {
      const KmsInstanceId = await makeInstance(root);
      await root.refused("Rejected.Uninitialized", "CreateKey", { DKMSInstanceId: KmsInstanceId });
      await root.call("ConnectKmsInstance", { KmsInstanceId, ...NETWORK });
      await root.call("UpdateKmsInstance", { KmsInstanceId, InstanceName: "conformance" });
      const BindVpcs = JSON.stringify([
        { VpcId: "vpc-2", VSwitchId: "vsw-2", RegionId: "cn-hangzhou", VpcOwnerId: "1" },
      ]);
      await root.call("UpdateKmsInstanceBindVpc", { KmsInstanceId, BindVpcs });
      const { KmsInstance } = await root.call("GetKmsInstance", { KmsInstanceId });
      const { InstanceName, Status } = KmsInstance as Body;
      assert.deepEqual([InstanceName, Status], ["conformance", "Connected"]);
      const { KmsInstanceQuotaInfos } = await root.call("GetKmsInstanceQuotaInfos", { KmsInstanceId });
      assert.deepEqual(
        (KmsInstanceQuotaInfos as Body[]).map(({ ResourceType }) => ResourceType),
        ["key", "secret", "qps", "vpc"],
      );
      const byDefault = await root.call("GetDefaultKmsInstance");
      assert(JSON.stringify(byDefault).includes(KmsInstanceId));
      await root.call("ReleaseKmsInstance", { KmsInstanceId, ForceDeleteWithoutBackup: "true" });
      await root.refused("Forbidden.DKMSInstanceNotFound", "GetKmsInstance", { KmsInstanceId });
    },
  },
  {
    title: "makes, lists, renames and deletes a resource share",
    async run(root) {
      const share = sharing(root);
      const ResourceShareName = randomUUID();
      const { ResourceShare } = await share("CreateResourceShare", { ResourceShareName });
      const { ResourceShareId } = ResourceShare as { ResourceShareId: string };
      await share("UpdateResourceShare", { ResourceShareId, ResourceShareName: `${ResourceShareName}-2` });
      const wanted = { ResourceOwner: "Self", "ResourceShareIds.1": ResourceShareId };
      const { ResourceShares } = await share("ListResourceShares", wanted);
      const [found, ...more] = ResourceShares as Body[];
      assert.deepEqual([found?.["ResourceShareName"], more], [`${ResourceShareName}-2`, []]);
      await share("DeleteResourceShare", { ResourceShareId });
      assert.deepEqual((await share("ListResourceShares", wanted))["ResourceShares"], []);
      const directory = await share("CheckSharingWithResourceDirectoryStatus");
      assert.deepEqual(directory, { EnableSharingWithRd: true });
      await root.refused("AlreadyEnabled", "EnableSharingWithResourceDirectory", {}, RESOURCE_SHARING);
    },
  },
  {
    title: "puts an instance into a share, lists what is shared, and takes it out",
    async run(root) {
      const KmsInstanceId = await makeInstance(root);
      await root.call("ConnectKmsInstance", { KmsInstanceId, ...NETWORK });
      const share = sharing(root);
      const { ResourceShare } = await share("CreateResourceShare", { ResourceShareName: randomUUID() });
      const { ResourceShareId } = ResourceShare as { ResourceShareId: string };
      const instance = { "Resources.1.ResourceId": KmsInstanceId, "Resources.1.ResourceType": "KMSInstance" };
      const isIn = async (action: string, question: Readonly<Record<string, string>>): Promise<boolean> => {
        const named = { "ResourceShareIds.1": ResourceShareId };
        return JSON.stringify(await share(action, { ...named, ...question })).includes(KmsInstanceId);
      };
      const shared = { ResourceOwner: "Self", ResourceType: "KMSInstance" };
      assert.equal(await isIn("ListSharedResources", shared), false);
      await share("AssociateResourceShare", { ResourceShareId, ...instance });
      assert.equal(await isIn("ListSharedResources", shared), true);
      assert.equal(await isIn("ListResourceShareAssociations", { AssociationType: "Resource" }), true);
      assert.deepEqual((await share("ListSharedTargets", shared))["SharedTargets"], []);
      const permissions = await share("ListResourceSharePermissions", { ResourceShareId, ResourceOwner: "Self" });
      assert.match(JSON.stringify(permissions), /AliyunRSDefaultPermissionKMSInstance/);
      await share("DisassociateResourceShare", { ResourceShareId, ...instance });
      assert.equal(await isIn("ListSharedResources", shared), false);
      await share("DeleteResourceShare", { ResourceShareId });
      await root.call("ReleaseKmsInstance", { KmsInstanceId, ForceDeleteWithoutBackup: "true" });
    },
  },
];
