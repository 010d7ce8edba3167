import { isIPv4, isIPv6 } from "node:net";

/** Six groups of IPv4-mapped addresses (RFC 4291, section 2.5.5.2). */
const MAPPED_GROUPS = [0, 0, 0, 0, 0, 0xffff];
const MAPPED_BITS = 96;
const GROUP_BITS = 16;
const RANGE = /^(?<address>[0-9A-Fa-f:.]{2,45})(?:\/(?<bits>0|[1-9][0-9]{0,2}))?$/;

/** Addresses that begin alike: one address, or a range in the notation of CIDR. IPv4 and IPv6 never contain each other. */
class IpRange {
  /** Groups of 16 bits: 2 for IPv4, 8 for IPv6. */
  readonly #groups: readonly number[];
  readonly #bits: number;

  constructor(groups: readonly number[], bits: number) {
    this.#groups = groups;
    this.#bits = bits;
  }

  contains(other: IpRange): boolean {
    if (other.#groups.length !== this.#groups.length || other.#bits < this.#bits) return false;
    return this.#groups.every((group, index) => {
      const bits = Math.min(Math.max(this.#bits - index * GROUP_BITS, 0), GROUP_BITS);
      return (group ^ (other.#groups[index] ?? 0)) >>> (GROUP_BITS - bits) === 0;
    });
  }
}

/** Reads an address or a range; an IPv4-mapped IPv6 address is the IPv4 address. Gives `undefined` for other text. */
export function parseIpRange(text: string): IpRange | undefined {
  const { address, bits } = RANGE.exec(text)?.groups ?? {};
  const groups = address === undefined ? undefined : parseGroups(address);
  if (groups === undefined) return undefined;
  const most = groups.length * GROUP_BITS;
  const given = bits === undefined ? most : Number(bits);
  if (given > most) return undefined;
  const isMapped = groups.length > 2 && given >= MAPPED_BITS && MAPPED_GROUPS.every((group, i) => groups[i] === group);
  return isMapped ? new IpRange(groups.slice(MAPPED_GROUPS.length), given - MAPPED_BITS) : new IpRange(groups, given);
}

/** Whether text is an address or a range in the notation of CIDR, of IPv4 or IPv6. */
export function isIpRange(text: string): boolean {
  return parseIpRange(text) !== undefined;
}

function parseGroups(address: string): number[] | undefined {
  if (isIPv4(address)) return ipv4Groups(address);
  if (!isIPv6(address)) return undefined;
  const [head = "", tail] = address.split("::");
  const first = ipv6Groups(head);
  if (tail === undefined) return first;
  const last = ipv6Groups(tail);
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

function ipv6Groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => (group.includes(".") ? ipv4Groups(group) : [Number.parseInt(group, 16)]));
}

function ipv4Groups(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return [(a << 8) | b, (c << 8) | d];
}
