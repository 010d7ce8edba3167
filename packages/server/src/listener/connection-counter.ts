import { isIPv6 } from "node:net";

/** Counts the open connections of each address. */
export class ConnectionCounter {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes in one more connection of `address`, unless it has as many as it may. Each one taken in has to leave. */
  enter(address: string): boolean {
    const key = keyOf(address);
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#limit) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  leave(address: string): void {
    const key = keyOf(address);
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
  }
}

/** Whoever has one address of IPv6 has the 2^64 of its network (RFC 6177). */
function keyOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const afterCount = tail ? tail.split(":").length : 0;
  const zeros = tail === undefined ? 0 : 8 - before.length - afterCount;
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...(tail?.split(":") ?? [])];
  return groups.slice(0, 4).join(":");
}
