import type { EncryptionContext } from "@cinnabar/client";
import { UsageFailure } from "./failure.ts";

/** Takes one more `--context NAME=VALUE`. The name ends at the first equals sign. */
export function addContext(entry: string, context: EncryptionContext = {}): EncryptionContext {
  const at = entry.indexOf("=");
  if (at < 1) throw new UsageFailure(`--context ${entry} must read NAME=VALUE.`);
  const name = entry.slice(0, at);
  if (Object.hasOwn(context, name)) throw new UsageFailure(`--context ${name} is given twice.`);
  return Object.fromEntries([...Object.entries(context), [name, entry.slice(at + 1)]]);
}
