import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, kms } from "../api.ts";
import { findInstance, instanceId, onInstance } from "./find-instance.ts";
import type { StoredInstance } from "./instance-repository.ts";
import { toBindVpc } from "./vpc.ts";

/** What stands for instances of this kind in the product's price list (Alibaba Cloud SDK, "GetKmsInstance"). */
const PRODUCT_TYPE = "kms_ddi_public_cn";
const PRODUCT_VERSIONS = { software: "3", hardware: "5" } as const;

const kmsInstance = z.object({
  InstanceId: z.string(),
  InstanceName: z.string(),
  Status: z.string(),
  CreateTime: z.string(),
  /** Empty while it is not connected. */
  StartDate: z.string(),
  /** Always empty: an instance has no end. */
  EndDate: z.string(),
  ChargeType: z.string(),
  SaleStatus: z.string(),
  ProductType: z.string(),
  ProductVersion: z.string(),
  KeyNum: z.int(),
  SecretNum: z.string(),
  Spec: z.int(),
  VpcNum: z.int(),
  Log: z.int(),
  LogStorage: z.int(),
  VpcId: z.string(),
  ZoneIds: z.array(z.string()),
  VswitchIds: z.array(z.string()),
  BindVpcs: z.object({
    BindVpc: z.array(
      z.object({ VpcId: z.string(), VSwitchId: z.string(), RegionId: z.string(), VpcOwnerId: z.string() }),
    ),
  }),
  CaCertificateChainPem: z.string(),
  DeletionProtection: z.boolean(),
  DeletionProtectionDescription: z.string(),
});

/** @param caChain - the certificates by which clients know the server, as PEM; left out, it has none. */
export function getKmsInstance(caChain: string = "") {
  const pem = withCarriageReturns(caChain);
  return defineOperation({
    ...kms,
    name: "GetKmsInstance",
    summary: "Tells everything about a KMS instance.",
    kind: "read",
    readWrite: "Read",
    parameters: { KmsInstanceId: required({ schema: instanceId, description: "The instance's id." }) },
    result: z.object({ KmsInstance: kmsInstance }),
    recordedResult: [],
    errors: ["Forbidden.DKMSInstanceNotFound"],
    target: (context, { KmsInstanceId }) => findInstance(context, KmsInstanceId),
    access: (context, instance) => [onInstance(context, "kms:GetKmsInstance", instance)],
    handle: (_context, _parameters, instance) => ({ result: { KmsInstance: toKmsInstance(instance, pem) } }),
  });
}

function toKmsInstance(instance: StoredInstance, caChain: string): z.infer<typeof kmsInstance> {
  const { quotas, network, deletionProtection } = instance;
  return {
    InstanceId: instance.id,
    InstanceName: instance.name,
    Status: instance.state,
    CreateTime: formatInstant(instance.createdAt),
    StartDate: instance.connectedAt === undefined ? "" : formatInstant(instance.connectedAt),
    EndDate: "",
    ChargeType: "POSTPAY",
    SaleStatus: "Normal",
    ProductType: PRODUCT_TYPE,
    ProductVersion: PRODUCT_VERSIONS[instance.type],
    KeyNum: quotas.keys,
    SecretNum: String(quotas.secrets),
    Spec: quotas.qps,
    VpcNum: quotas.access,
    Log: 0,
    LogStorage: 0,
    VpcId: network?.vpcId ?? "",
    ZoneIds: [...(network?.zoneIds ?? [])],
    VswitchIds: [...(network?.vSwitchIds ?? [])],
    BindVpcs: { BindVpc: instance.boundVpcs.map(toBindVpc) },
    CaCertificateChainPem: caChain,
    DeletionProtection: deletionProtection !== undefined,
    DeletionProtectionDescription: deletionProtection?.description ?? "",
  };
}

/** As the published API writes PEM. */
function withCarriageReturns(pem: string): string {
  return pem.replaceAll(/\r?\n/g, "\r\n");
}
