import type { DeclaredOperation, DeploymentKeys, SweptTable } from "@cinnabar/kernel";
import { accessPointTable } from "./access-point-repository.ts";
import { applicationPolicyTable } from "./application-policy-repository.ts";
import { clientKeyTable } from "./client-key-repository.ts";
import { createApplicationAccessPoint } from "./create-application-access-point.ts";
import { createClientKey } from "./create-client-key.ts";
import { createNetworkRule } from "./create-network-rule.ts";
import { createPolicy } from "./create-policy.ts";
import { deleteApplicationAccessPoint } from "./delete-application-access-point.ts";
import { deleteClientKey } from "./delete-client-key.ts";
import { deleteNetworkRule } from "./delete-network-rule.ts";
import { deletePolicy } from "./delete-policy.ts";
import { describeApplicationAccessPoint } from "./describe-application-access-point.ts";
import { describeNetworkRule } from "./describe-network-rule.ts";
import { describePolicy } from "./describe-policy.ts";
import { getClientKey } from "./get-client-key.ts";
import { listApplicationAccessPoints } from "./list-application-access-points.ts";
import { listClientKeys } from "./list-client-keys.ts";
import { listNetworkRules } from "./list-network-rules.ts";
import { listPolicies } from "./list-policies.ts";
import { ClientKeyMaker } from "./make-client-key.ts";
import { networkRuleTable } from "./network-rule-repository.ts";
import { updateApplicationAccessPoint } from "./update-application-access-point.ts";
import { updateNetworkRule } from "./update-network-rule.ts";
import { updatePolicy } from "./update-policy.ts";

/** The operations that give applications their access. */
export const accessOperations = (keys: DeploymentKeys): readonly DeclaredOperation[] => [
  createNetworkRule,
  describeNetworkRule,
  listNetworkRules,
  updateNetworkRule,
  deleteNetworkRule,
  createPolicy,
  describePolicy,
  listPolicies,
  updatePolicy,
  deletePolicy,
  createApplicationAccessPoint,
  describeApplicationAccessPoint,
  listApplicationAccessPoints,
  updateApplicationAccessPoint,
  deleteApplicationAccessPoint,
  createClientKey(new ClientKeyMaker(keys)),
  getClientKey,
  listClientKeys,
  deleteClientKey,
];

export const accessTables: readonly SweptTable[] = [
  networkRuleTable,
  applicationPolicyTable,
  accessPointTable,
  clientKeyTable,
];
