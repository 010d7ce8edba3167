import type { CinnabarClient } from "@cinnabar/client";
import { z } from "zod";
import { countEncryptEvents } from "./audit-records.ts";
import type { LoadWindow, Sample } from "./load.ts";
import type { BenchStore } from "./stores.ts";

const encryptAnswer = z.object({ CiphertextBlob: z.string() });

/** Proves that every Encrypt was answered, and a sample of them correctly. @throws Error if not. */
export async function assertCorrect(client: CinnabarClient, windows: readonly LoadWindow[]): Promise<void> {
  const failures = windows.flatMap((window) => window.failures);
  if (failures[0] !== undefined) {
    const { status, body } = failures[0];
    throw new Error(`${failures.length} requests failed; the first: HTTP ${status} ${body.toString()}`);
  }
  for (const sample of windows.flatMap((window) => window.samples)) await assertDecrypts(client, sample);
}

/** Proves that what was answered is on record. The server must have ended. @throws Error if it is not. */
export async function assertRecorded(store: BenchStore, answered: number): Promise<void> {
  const backend = await store.open();
  try {
    const recorded = await countEncryptEvents(backend);
    if (recorded < answered) throw new Error(`${answered} requests were answered, and only ${recorded} are on record.`);
  } finally {
    await backend.close();
  }
}

async function assertDecrypts(client: CinnabarClient, { plaintext, answer }: Sample): Promise<void> {
  const { CiphertextBlob } = encryptAnswer.parse(JSON.parse(answer.body.toString()));
  const decrypted = await client.decrypt({ ciphertextBlob: CiphertextBlob });
  if (decrypted.plaintext !== plaintext) throw new Error("A ciphertext decrypts to something else.");
}
