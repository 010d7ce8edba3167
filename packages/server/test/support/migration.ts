import { SecretBytes } from "@cinnabar/crypto";
import { FileSeal, PassphraseSeal, type Seal, ShamirSeal } from "@cinnabar/kernel";

/** Text of shares that were handed out, the newest seal's alone. */
export type HandedOut = string[];

/** A seal in `folder` by a short name, whose passphrase or shares are given to it. */
export function sealNamed(name: string, options: { readonly folder: string; readonly shares?: HandedOut }): Seal {
  const { folder, shares = [] } = options;
  const [kind, file = "root", passphrase = "correct horse battery"] = name.split(":");
  const path = `${folder}/${file}`;
  switch (kind) {
    case "file":
      return new FileSeal(path);
    case "passphrase":
      return new PassphraseSeal(path, async () => new SecretBytes(Buffer.from(passphrase)));
    default: {
      let next = 0;
      return new ShamirSeal(path, {
        counts: { threshold: 2, shares: 3 },
        giver: {
          next: async () => new SecretBytes(Buffer.from(shares[next++] ?? "none left")),
          accepted: () => {},
          refused(error) {
            throw error;
          },
        },
        handOut: async (texts) => {
          shares.splice(0, shares.length, ...texts.map(({ bytes }) => bytes.toString("latin1")));
        },
      });
    }
  }
}
