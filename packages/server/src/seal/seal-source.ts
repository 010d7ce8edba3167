import { join } from "node:path";

import { areShareCounts, MAX_SHARES, type ShareCounts } from "@cinnabar/kernel";

/** Where a root key is kept, as an operator names it: `--seal`. */
export type SealSource =
  | { readonly kind: "file" | "passphrase"; readonly path: string }
  | { readonly kind: "shamir"; readonly path: string; readonly counts: ShareCounts | undefined }
  /** `settings` is a file that says which service, which key, and as whom; `path` that of the sealed root key. */
  | { readonly kind: "kms"; readonly path: string; readonly settings: string }
  | { readonly kind: "env"; readonly variable: string }
  | { readonly kind: "command"; readonly command: readonly [string, ...string[]] };

/** A seal as text, before it is known where the data directory is. */
export type SealText = (data: string) => SealSource;

const ROOT_KEY = "root.key";
const SEALED_ROOT_KEY = "root.sealed";
const VARIABLE = /^(?!CINNABAR_)[A-Za-z_][A-Za-z0-9_]*$/;

const SEAL_FORMS =
  "file[:PATH], passphrase[:PATH], shamir[:3of5][:PATH], kms:FILE, env:VARIABLE or command:PROGRAM ARGUMENTS";

/** Parses `--seal`. @throws RangeError with what is wrong, continuing `--seal VALUE is wrong:`. */
export function parseSeal(text: string): SealText {
  const [kind, rest] = splitOnce(text, ":");
  if (rest === "") throw new RangeError(`something has to follow the colon: ${SEAL_FORMS}`);
  switch (kind) {
    case "file":
      return (data) => ({ kind, path: rest ?? join(data, ROOT_KEY) });
    case "passphrase":
      return (data) => ({ kind, path: rest ?? join(data, SEALED_ROOT_KEY) });
    case "shamir": {
      const { counts, path } = parseShamir(rest);
      return (data) => ({ kind, path: path ?? join(data, SEALED_ROOT_KEY), counts });
    }
    case "kms":
      if (rest === undefined) throw new RangeError("kms needs a file that says which service and which key: kms:FILE");
      return (data) => ({ kind, path: join(data, SEALED_ROOT_KEY), settings: rest });
    case "env":
      if (rest === undefined || !VARIABLE.test(rest)) {
        throw new RangeError("env needs the name of a variable that does not begin with CINNABAR_: env:ROOT_KEY_FILE");
      }
      return () => ({ kind, variable: rest });
    case "command": {
      const [program, ...more] = (rest ?? "").split(" ").filter((word) => word !== "");
      if (program === undefined) throw new RangeError("command needs a program: command:/usr/local/bin/root-key");
      return () => ({ kind, command: [program, ...more] });
    }
    default:
      throw new RangeError(`not one of ${SEAL_FORMS}`);
  }
}

function parseShamir(text: string | undefined): { counts: ShareCounts | undefined; path: string | undefined } {
  const [, threshold, shares, path] = /^([0-9]{1,3})of([0-9]{1,3})(?::(.+))?$/.exec(text ?? "") ?? [];
  if (threshold === undefined) return { counts: undefined, path: text };
  const counts = { threshold: Number(threshold), shares: Number(shares) };
  if (!areShareCounts(counts)) {
    throw new RangeError(`shares are 2 to ${MAX_SHARES}, and 2 or more of them open the seal: shamir:3of5`);
  }
  return { counts, path };
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
