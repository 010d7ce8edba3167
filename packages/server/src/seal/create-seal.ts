import {
  FileSeal,
  PassphraseSeal,
  type Seal,
  ShamirSeal,
  type ShareGiver,
  type ShamirSealOptions,
} from "@cinnabar/kernel";

import { OperatorError } from "../operator-error.ts";
import { kmsSeal } from "./kms-seal.ts";
import { commandSeal, envSeal } from "./provided.ts";
import type { SealSource } from "./seal-source.ts";
import { type SecretInput, SecretReader } from "./secret-input.ts";

export interface SealInputs {
  /** Where a passphrase or shares come from; by default the terminal. */
  readonly unsealFrom?: SecretInput | undefined;
  /** Gives the shares instead. */
  readonly giver?: ShareGiver;
  /** Takes the shares of a new seal; left out where there is nobody to take them. */
  readonly handOut?: ShamirSealOptions["handOut"] | undefined;
}

/** The seal that an operator named. Nothing is asked or opened yet. @throws OperatorError */
export async function createSeal(source: SealSource, inputs: SealInputs): Promise<Seal> {
  const { unsealFrom = { kind: "terminal" }, handOut } = inputs;
  switch (source.kind) {
    case "file":
      return new FileSeal(source.path);
    case "passphrase": {
      const { path } = source;
      const reader = new SecretReader(unsealFrom);
      return new PassphraseSeal(path, (which) =>
        which === "new"
          ? reader.passphrase(`New passphrase for ${path}: `, "The same again: ")
          : reader.passphrase(`Passphrase for ${path}: `),
      );
    }
    case "shamir": {
      const { path, counts } = source;
      return new ShamirSeal(path, { counts, giver: inputs.giver ?? readShares(unsealFrom, path), handOut });
    }
    case "kms":
      return kmsSeal(source);
    case "env":
      return envSeal(source.variable);
    case "command":
      return commandSeal(source.command);
  }
}

/** Prints shares, once, before anything is written. */
export async function printShares(
  ...[shares, { threshold }]: Parameters<NonNullable<ShamirSealOptions["handOut"]>>
): Promise<void> {
  const heading = `The root key is sealed with ${shares.length} shares; any ${threshold} of them open it. Give each to somebody else:\n\n`;
  await write(heading);
  for (const [index, share] of shares.entries()) {
    await write(`Share ${index + 1} of ${shares.length}: `);
    await write(share.bytes);
    await write("\n");
  }
  await write("\nThey are shown this once. Should the command fail, they are void.\n");
}

function readShares(input: SecretInput, path: string): ShareGiver {
  const reader = new SecretReader(input);
  return {
    next: ({ given, needed }) => reader.share(`Share ${given + 1} of the ${needed} that open ${path}: `),
    accepted: () => undefined,
    refused(error) {
      if (!reader.isTerminal) throw error;
      process.stderr.write(`${error.message}\n`);
    },
  };
}

function write(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(new OperatorError(`The shares cannot be printed, and nothing was sealed: ${error.message}`));
    });
  });
}
