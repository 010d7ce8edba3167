import { type AdminListener, type AdminListenerOptions, startAdminListener } from "./admin-listener.ts";
import { type RpcListener, type RpcListenerOptions, startRpcListener } from "./rpc-listener.ts";

/** Where a node that starts takes its listeners from. */
export interface NodeListeners {
  startAdmin(options: AdminListenerOptions): Promise<Pick<AdminListener, "url" | "stop">>;
  startRpc(options: RpcListenerOptions): Promise<Pick<RpcListener, "url" | "stop">>;
}

/** Begins to listen. */
export const ownListeners: NodeListeners = { startAdmin: startAdminListener, startRpc: startRpcListener };

/**
 * Takes over listeners that stand: there is no moment at which a caller finds nobody, or another process of the machine
 * could take the address.
 */
export function takenOver(standing: { readonly admin: AdminListener; readonly rpc: RpcListener }): NodeListeners {
  const { admin, rpc } = standing;
  return {
    startAdmin(options) {
      admin.handOver(options);
      return Promise.resolve(admin);
    },
    startRpc(options) {
      rpc.handOver(options);
      return Promise.resolve(rpc);
    },
  };
}
