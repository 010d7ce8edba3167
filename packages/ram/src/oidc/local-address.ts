import { BlockList, isIPv4, isIPv6, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";

const local = new BlockList();
local.addSubnet("0.0.0.0", 8);
local.addSubnet("127.0.0.0", 8);
local.addSubnet("169.254.0.0", 16);
local.addAddress("::", "ipv6");
local.addAddress("::1", "ipv6");
local.addSubnet("fe80::", 10, "ipv6");
// Where machines find what their cloud knows of them, but for those within the link. Alibaba Cloud (RFC 6598):
local.addAddress("100.100.100.200");
// Amazon:
local.addAddress("fd00:ec2::254", "ipv6");
// Azure:
local.addAddress("168.63.129.16");
// Oracle:
local.addAddress("192.0.0.192");

/** IPv6 addresses that lead to an IPv4 one, by the first groups that they have in common and where that stands in them. */
const EMBEDDED = [
  // IPv4-compatible (RFC 4291 section 2.5.5.1) and IPv4-mapped (2.5.5.2)
  { prefix: [0, 0, 0, 0, 0, 0], at: 6 },
  { prefix: [0, 0, 0, 0, 0, 0xffff], at: 6 },
  // NAT64, everybody's prefix (RFC 6052) and a network's own one (RFC 8215)
  { prefix: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 },
  { prefix: [0x64, 0xff9b, 1], at: 6 },
  // 6to4 (RFC 3056)
  { prefix: [0x2002], at: 1 },
];

/**
 * Whether an address is one of this machine or this link, a cloud's metadata service among them, where a name that
 * somebody else controls must not lead. An IPv4 address within an IPv6 one counts as itself.
 *
 * @param own - the addresses that this machine has now.
 */
export function isLocalAddress(address: string, own: Iterable<string> = ownAddresses()): boolean {
  // A zone names a link of this machine.
  const [plain = "", zone] = address.split("%");
  if (zone !== undefined) return true;
  const candidates = isIPv6(plain) ? [plain, ...embedded(plain)] : [plain];
  const owned = new BlockList();
  for (const one of own) owned.addAddress(withoutZone(one), isIPv6(one) ? "ipv6" : "ipv4");
  return candidates.some((candidate) => {
    const family = isIPv4(candidate) ? "ipv4" : "ipv6";
    return local.check(candidate, family) || owned.check(candidate, family);
  });
}

function* ownAddresses(): Generator<string> {
  for (const addresses of Object.values(networkInterfaces())) for (const { address } of addresses ?? []) yield address;
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

function* embedded(address: string): Generator<string> {
  const groups = groupsOf(address);
  for (const { prefix, at } of EMBEDDED) {
    if (!prefix.every((group, i) => groups[i] === group)) continue;
    const [high = 0, low = 0] = groups.slice(at);
    yield [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  }
}

/** The eight groups of 16 bits of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  // Of one spelling: with a trailing IPv4 address, or in groups of hexadecimal digits.
  const { address: text } = new SocketAddress({ address, family: "ipv6" });
  const [head = [], tail] = text.split("::").map(parseGroups);
  if (tail === undefined) return head;
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}

function parseGroups(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!isIPv4(group)) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
