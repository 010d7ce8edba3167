export type { TlsMaterial } from "../tls/index.ts";
export {
  AdminListener,
  type AdminListenerOptions,
  type EmulatorRequest,
  type Readiness,
  startAdminListener,
} from "./admin-listener.ts";
export type { ListenerCall } from "./exchange.ts";
export {
  formatListenAddress,
  isLoopback,
  isWildcard,
  type ListenAddress,
  parseListenAddress,
} from "./listen-address.ts";
export type { ListenerLimits } from "./listener-limits.ts";
export { type NodeListeners, ownListeners, takenOver } from "./node-listeners.ts";
export { parseNetworks } from "./networks.ts";
export type { ListenerRefusalReason } from "./refusal.ts";
export { RpcListener, type RpcListenerOptions, startRpcListener } from "./rpc-listener.ts";
