import { setTimeout as sleep } from "node:timers/promises";
import kms from "@alicloud/kms20160120";

const ATTEMPTS = 4;

/**
 * Notes that nobody can read without their key: the program that secret-notes.test.mjs tests.
 *
 * @param {{ endpoint: string, accessKeyId: string, accessKeySecret: string }} service
 */
export async function openNotes({ endpoint, accessKeyId, accessKeySecret }) {
  const { protocol, host } = new URL(endpoint);
  const client = new kms.default({ endpoint: host, protocol: protocol.replace(":", ""), accessKeyId, accessKeySecret });
  const { keyMetadata } = await client.createKey(new kms.CreateKeyRequest({ description: "secret notes" }));
  const { keyId } = keyMetadata;

  return {
    /** @param {string} note */
    async write(note) {
      const plaintext = Buffer.from(note).toString("base64");
      const request = new kms.EncryptRequest({ keyId, plaintext });
      return (await patiently(() => client.encrypt(request))).ciphertextBlob;
    },

    /** @param {string} ciphertextBlob */
    async read(ciphertextBlob) {
      const request = new kms.DecryptRequest({ ciphertextBlob });
      return Buffer.from((await patiently(() => client.decrypt(request))).plaintext, "base64").toString();
    },

    /** Makes all notes unreadable for ever, in so many days. */
    async forgetIn(days) {
      await client.scheduleKeyDeletion(new kms.ScheduleKeyDeletionRequest({ keyId, pendingWindowInDays: days }));
    },
  };
}

/** Tries again, a little later each time, what was one call too many, or got no answer. */
async function patiently(call) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const code = error.data?.Code;
      const isWorthIt = code === undefined || code === "Rejected.Throttling";
      if (!isWorthIt || attempt === ATTEMPTS) throw error;
      await sleep(50 * 2 ** attempt);
    }
  }
}
