import { cryptographicOperations, instanceCryptography, type KeyUsageSource } from "@cinnabar/kms";
import { accountKind } from "@cinnabar/ram";
import { KeyUsageReader, type SegmentContributor, usageContributor } from "@cinnabar/trail";

/** By the API and by the instance protocol, which have some of their names in common. */
const OPERATIONS: ReadonlySet<string> = new Set(
  [...cryptographicOperations, ...instanceCryptography].map(({ name }) => name),
);

/** Adds up the uses of keys from the log. */
export const keyUsageContributor: SegmentContributor = usageContributor(OPERATIONS);

const reader = new KeyUsageReader(OPERATIONS);

/** Where the operations on keys learn of their usage: the log says what it was, and accounts who must review it. */
export const keyUsage: KeyUsageSource = {
  read: (context, { id, accountId }) => reader.read(context, { accountId, keyId: id }),
  readHeld: (context, { id, accountId }) => reader.readHeld(context, { accountId, keyId: id }),
  async isReviewRequired(context, accountId) {
    const account = await context.find(accountKind, accountId);
    return account?.settings.requireUsageReview === true;
  },
};
