export * from "./audit/index.ts";
export {
  accessKeyCreate,
  accessKeyDelete,
  accessKeyDisable,
  accessKeyEnable,
  accessKeyList,
} from "./commands/access-key.ts";
export { accountCreate, accountDisable, accountEnable, accountList, accountSet } from "./commands/account.ts";
export {
  findCertificate,
  type FoundCertificate,
  listCertificates,
  subjectOf,
  verifyCertificate,
} from "./certificates/index.ts";
export type { DestructionCertificate } from "@cinnabar/kernel";
export { accountKeyRotate } from "./commands/account-key.ts";
export { clockReset } from "./commands/clock-reset.ts";
export { doctor } from "./commands/doctor.ts";
export { init } from "./commands/init.ts";
export { ramProviderCreate, ramProviderDelete, ramProviderList } from "./commands/ram-provider.ts";
export { locateStore } from "./commands/locate-store.ts";
export { rootKeyRotate } from "./commands/root-key-rotate.ts";
export { sealMigrate } from "./commands/seal-migrate.ts";
export { serve } from "./commands/serve.ts";
export { instanceCreate, instanceDefault, instanceList, instanceSet } from "./commands/instance.ts";
export { serviceDisable, serviceEnable, serviceList, serviceRotate } from "./commands/service.ts";
export { unseal } from "./commands/unseal.ts";
export {
  type Configuration,
  type ConfigurationSources,
  loadConfiguration,
  maskPassword,
  type StorePlace,
} from "./configuration/index.ts";
export { CinnabarNode, type NodeOptions } from "./node.ts";
export { OperatorError } from "./operator-error.ts";
export { ensureServerCertificate } from "./tls/own-ca.ts";
