/**
 * The services that can be enabled, by the names that Alibaba Cloud calls them in trust policies (`oss.aliyuncs.com`) and, as far as
 * these are published, in the aliases of their keys (`alias/acs/oss`). docs/decisions/0020 says where each name is published.
 */
export const SERVICES = {
  actiontrail: "ActionTrail",
  cdn: "Alibaba Cloud CDN",
  cs: "Container Service for Kubernetes",
  ecs: "Elastic Compute Service",
  fc: "Function Compute",
  hbr: "Cloud Backup",
  log: "Simple Log Service",
  mongodb: "ApsaraDB for MongoDB",
  nas: "File Storage NAS",
  odps: "MaxCompute",
  oss: "Object Storage Service",
  ots: "Tablestore",
  polardb: "PolarDB",
  "r-kvstore": "Tair (Redis)",
  rds: "ApsaraDB RDS",
  vod: "ApsaraVideo VOD",
} as const satisfies Readonly<Record<string, string>>;

export type ServiceName = keyof typeof SERVICES;

export function isServiceName(text: string): text is ServiceName {
  return Object.hasOwn(SERVICES, text);
}
