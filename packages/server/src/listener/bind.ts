import type { AddressInfo, Server } from "node:net";

import { type ListenAddress, listenError } from "./listen-address.ts";

/**
 * Starts to listen.
 *
 * @param options.onError - told of connections that could not be accepted later on; without files left, for example.
 * @throws OperatorError with the reason.
 */
export function bind(
  server: Server,
  options: { readonly address: ListenAddress; onError: (error: NodeJS.ErrnoException) => void },
): Promise<void> {
  const { address, onError } = options;
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(listenError(address, error));
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      server.on("error", onError);
      resolve();
    });
  });
}

/** The address that a TCP server is bound to. */
export function boundAddress(server: Server): ListenAddress {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only a server on a pipe has something else
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}
