import { readFile, writeFile } from "node:fs/promises";
import { FileSeal, type RootKey, type Seal, SealError, ShamirSeal } from "@cinnabar/kernel";
import { SecretBytes } from "@cinnabar/crypto";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const COUNTS = { threshold: 2, shares: 3 };
const OWNER_ONLY = 0o600;
const MAX_SHARES_GIVEN = 8;

/** Root key files, sealed root keys, and shares as people type them. */
export const sealsTarget: TargetDeclaration = {
  name: "seals",
  what: "root key files, sealed root keys, typed shares",
  group: "process",
  weight: 20,
  open,
};

/** What is tried stands in the first byte. */
const KINDS = { rootKeyFile: "r", sealedFile: "s", share: "t" } as const;

async function open(): Promise<Target> {
  const folder = await TemporaryFolder.make();
  const plainPath = folder.file("root.key");
  const sealedPath = folder.file("root.sealed");
  const plain = new FileSeal(plainPath);
  const { checkValue } = await plain.create();

  const shares: Buffer[] = [];
  const made = new ShamirSeal(sealedPath, {
    counts: COUNTS,
    giver: giverOf(() => []),
    handOut: (texts) => {
      shares.push(...texts.map(({ bytes }) => Buffer.from(bytes)));
      return Promise.resolve();
    },
  });
  const sealedCheckValue = (await made.create()).checkValue;
  let given: readonly Uint8Array[] = shares;
  const sealed = new ShamirSeal(sealedPath, { counts: undefined, giver: giverOf(() => given), handOut: undefined });

  const contents = { [KINDS.rootKeyFile]: await readFile(plainPath), [KINDS.sealedFile]: await readFile(sealedPath) };
  return {
    seeds: [
      ...Object.entries(contents).map(([kind, bytes]) => Buffer.concat([Buffer.from(kind), bytes])),
      ...shares.map((share) => Buffer.concat([Buffer.from(KINDS.share), share])),
    ],
    fixedBytes: () => 1,
    async attempt(input) {
      const kind = String.fromCharCode(input[0] ?? 0);
      const bytes = input.subarray(1);
      if (kind === KINDS.rootKeyFile) {
        await writeFile(plainPath, bytes, { mode: OWNER_ONLY });
        return opens(plain, checkValue);
      }
      given = kind === KINDS.share ? [bytes, ...shares] : shares;
      await writeFile(sealedPath, kind === KINDS.share ? contents[KINDS.sealedFile] : bytes, { mode: OWNER_ONLY });
      return opens(sealed, sealedCheckValue);
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Opens a seal twice over: what it says of itself without being asked to open, and the root key. */
async function opens(seal: Seal, checkValue: string): Promise<string> {
  let rootKey: RootKey | undefined;
  try {
    await seal.claim();
    rootKey = await seal.open();
  } catch (error) {
    return refusal(error, [SealError, NoMoreShares]);
  }
  if (rootKey?.checkValue !== checkValue) throw new Violation("the seal opens, and gives another root key");
  return "opened";
}

/** Nobody has further shares: the person at the terminal gives up. */
class NoMoreShares extends Error {
  override readonly name = "NoMoreShares";
}

function giverOf(shares: () => readonly Uint8Array[]) {
  let position = 0;
  return {
    next: (): Promise<SecretBytes> => {
      const share = shares()[position % MAX_SHARES_GIVEN];
      position = share === undefined ? 0 : position + 1;
      if (share === undefined) return Promise.reject(new NoMoreShares("there are no more shares"));
      return Promise.resolve(new SecretBytes(Buffer.from(share)));
    },
    accepted: ({ given, needed }: { given: number; needed: number }) => {
      if (given === needed) position = 0;
    },
    refused: (error: SealError) => void refusal(error, SealError),
  };
}
