/** What is counted: bytes, or things of which people know how many there are. */
export type Unit = "bytes" | "events" | "leaves";

const ONE: Readonly<Record<Unit, string>> = { bytes: "byte", events: "event", leaves: "leaf" };
const BINARY_UNITS = ["KiB", "MiB", "GiB", "TiB"];

/** An amount for people to read: `812 bytes`, `3.4 MiB`, `12,345 events`. */
export function formatAmount(amount: number, unit: Unit): string {
  if (unit !== "bytes" || amount < 1024) {
    const whole = Math.round(amount);
    return `${whole.toLocaleString("en")} ${whole === 1 ? ONE[unit] : unit}`;
  }
  const step = Math.min(Math.floor(Math.log2(amount) / 10), BINARY_UNITS.length);
  return `${(amount / 1024 ** step).toFixed(1)} ${BINARY_UNITS[step - 1]}`;
}
