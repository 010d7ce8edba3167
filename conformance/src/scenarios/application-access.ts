import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Caller } from "../caller.ts";
import type { Body } from "../official-client.ts";
import type { Scenario } from "./scenario.ts";

const USER = "RbacPermission/Template/CryptoServiceKeyUser";

/** The names in a list, such as `Policies: { Policy: [{ Name }] }`. */
function namesIn(answer: Body, list: string, item: string): unknown[] {
  const items = (answer[list] as Readonly<Record<string, readonly Body[]>>)[item];
  return (items ?? []).map(({ Name }) => Name);
}

async function without(root: Caller, action: string, Name: string): Promise<void> {
  await root.call(action, { Name });
  await root.refused("Forbidden.ResourceNotFound", action, { Name });
}

/** What gives an application its access, before it calls by the protocol of its own. */
export const applicationAccessScenarios: readonly Scenario[] = [
  {
    title: "gives an application its access, changes it, lists it and takes it away",
    async run(root) {
      const Name = `conformance-${randomUUID()}`;
      await root.call("CreateNetworkRule", { Name, Type: "Private", SourcePrivateIp: '["192.0.2.0/24"]' });
      await root.call("UpdateNetworkRule", { Name, SourcePrivateIp: '["192.0.2.1"]', Description: "words" });
      const rule = await root.call("DescribeNetworkRule", { Name });
      assert.deepEqual([rule["SourcePrivateIp"], rule["Description"]], ['["192.0.2.1"]', "words"]);
      assert(namesIn(await root.call("ListNetworkRules"), "NetworkRules", "NetworkRule").includes(Name));

      const AccessControlRules = JSON.stringify({ NetworkRules: [Name] });
      const policy = { Permissions: JSON.stringify([USER]), Resources: '["key/*"]', AccessControlRules };
      await root.call("CreatePolicy", { Name, ...policy });
      await root.call("UpdatePolicy", { Name, Resources: `["key/${randomUUID()}"]` });
      const described = await root.call("DescribePolicy", { Name });
      assert.deepEqual(described["Permissions"], [USER]);
      assert(namesIn(await root.call("ListPolicies"), "Policies", "Policy").includes(Name));

      await root.call("CreateApplicationAccessPoint", { Name, Policies: JSON.stringify([Name]) });
      await root.call("UpdateApplicationAccessPoint", { Name, Description: "words" });
      assert.equal((await root.call("DescribeApplicationAccessPoint", { Name }))["Description"], "words");
      const points = await root.call("ListApplicationAccessPoints", { PageSize: 100 });
      assert(namesIn(points, "ApplicationAccessPoints", "ApplicationAccessPoint").includes(Name));

      const made = await root.call("CreateClientKey", { AapName: Name, Password: `Passw0rd-${randomUUID()}` });
      const ClientKeyId = String(made["ClientKeyId"]);
      assert.match(ClientKeyId, /^KAAP\./);
      assert.equal((await root.call("GetClientKey", { ClientKeyId }))["AapName"], Name);
      const keys = (await root.call("ListClientKeys", { AapName: Name }))["ClientKeys"] as Body[];
      assert.deepEqual(
        keys.map((key) => key["ClientKeyId"]),
        [ClientKeyId],
      );
      await root.call("DeleteClientKey", { ClientKeyId });
      await root.refused("Forbidden.ResourceNotFound", "GetClientKey", { ClientKeyId });

      await without(root, "DeleteApplicationAccessPoint", Name);
      await without(root, "DeletePolicy", Name);
      await without(root, "DeleteNetworkRule", Name);
    },
  },
];
