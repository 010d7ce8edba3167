import { BlockList, isIP } from "node:net";

const PREFIX_BITS = { ipv4: 32, ipv6: 128 } as const;

/**
 * A set of networks, each an IP address or `ADDRESS/BITS`.
 *
 * @throws RangeError that quotes the first one that is neither.
 */
export function parseNetworks(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [, address = "", digits] = /^([^/]+)(?:\/([0-9]{1,3}))?$/.exec(network) ?? [];
    const version = isIP(address);
    const family = version === 6 ? "ipv6" : "ipv4";
    const bits = digits === undefined ? PREFIX_BITS[family] : Number(digits);
    if (version === 0 || bits > PREFIX_BITS[family]) {
      throw new RangeError(`"${network}" is neither an IP address nor a network such as 10.0.0.0/8`);
    }
    list.addSubnet(address, bits, family);
  }
  return list;
}

/** Whether one of the networks holds `address`, an IP address. */
export function contains(networks: BlockList, address: string): boolean {
  return networks.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
