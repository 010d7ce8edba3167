import { BlockList, isIP, isIPv6 } from "node:net";

import { OperatorError } from "../operator-error.ts";

/** Where a listener is to be reached. `port` 0 takes any free one. */
export interface ListenAddress {
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  readonly port: number;
}

const MAX_PORT = 65_535;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Parses `HOST:PORT`, with brackets around an IPv6 address. `undefined` if it is none. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, bare, digits] = /^(?:\[([^[\]]+)\]|([^[\]:]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port <= MAX_PORT)) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  if (bare === undefined || !/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(bare)) return undefined;
  return { host: bare, port };
}

/** `HOST:PORT`, as {@link parseListenAddress} reads it and a URL has it. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Whether only this machine can reach an address. Of all names, only `localhost` is one of those. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host.toLowerCase() === "localhost" : loopback.check(host, family === 6 ? "ipv6" : "ipv4");
}

/** Whether an address stands for all addresses of this machine. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not listen on that port",
  EADDRINUSE: "another process already listens there",
  EADDRNOTAVAIL: "this machine does not have that address",
  EAFNOSUPPORT: "this machine does not have that kind of address",
  ENOTFOUND: "there is no such host",
};

/** Turns the error of a failed `listen` into a sentence for the operator. */
export function listenError(address: ListenAddress, cause: NodeJS.ErrnoException): OperatorError {
  const reason = LISTEN_REASONS[cause.code ?? ""] ?? cause.message;
  return new OperatorError(`Cannot listen on ${formatListenAddress(address)}: ${reason}.`, { cause });
}
