import { accountKind } from "@cinnabar/ram";
import type { Accounts } from "@cinnabar/sharing";

/** Every account of a customer's may be shared with; the one that stands for a service owns nothing. */
export const sharedAccounts: Accounts = {
  async isMember(finder, accountId) {
    const account = await finder.find(accountKind, accountId);
    return account !== undefined && account.service === undefined;
  },
};
