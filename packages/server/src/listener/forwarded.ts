import { type BlockList, isIP } from "node:net";

import { contains } from "./networks.ts";

/** Where a call comes from. */
export interface CallOrigin {
  readonly sourceAddress: string;
  readonly isSecure: boolean;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Where a call comes from that a trusted proxy hands over.
 *
 * The caller is the last address of X-Forwarded-For that is no trusted proxy itself: what stands before it was written
 * by the caller. The way was secure if X-Forwarded-Proto says so of every part of it, or, where the proxy sends none, if
 * the proxy's own part was.
 */
export function readForwarded(headers: Headers, options: { peer: CallOrigin; trusted: BlockList }): CallOrigin {
  const { peer, trusted } = options;
  let { sourceAddress } = peer;
  for (const entry of list(headers["x-forwarded-for"]).toReversed()) {
    if (isIP(entry) === 0) break;
    sourceAddress = unmapped(entry);
    if (!contains(trusted, sourceAddress)) break;
  }
  const protocols = list(headers["x-forwarded-proto"]);
  const isSecure = protocols.length === 0 ? peer.isSecure : protocols.every((protocol) => protocol === "https");
  return { sourceAddress, isSecure };
}

/** An IPv4 address as such where a socket for both kinds shows it as `::ffff:192.0.2.1`. */
export function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

function list(header: string | string[] | undefined): string[] {
  return String(header ?? "")
    .split(",")
    .flatMap((item) => item.trim().toLowerCase() || []);
}
