import { ApiError, ERRORS, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import type { StoredKey } from "./key-repository.ts";
import type { KeyUsageSource } from "./key-usage.ts";

const CODE = "Rejected.UsageNotReviewed";

/** The hash of a usage report. */
export const usageReportHash: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/, {
  error: "It must be 64 hexadecimal digits in lower case, as GetKeyUsage gives them.",
});

/**
 * Makes sure that the caller has seen every use that the key was put to, if its account requires that, or if the caller
 * says so by itself. No use is answered between this and the end of the control transaction.
 *
 * @param review.hash - of the usage report that the caller has seen.
 * @throws {@link ApiError} `Rejected.UsageNotReviewed`.
 */
export async function assertUsageReviewed(
  context: RequestContext,
  source: KeyUsageSource,
  { key, hash }: { readonly key: StoredKey; readonly hash: string | undefined },
): Promise<void> {
  if (hash === undefined) {
    if (!(await source.isReviewRequired(context, key.accountId))) return;
    throw notReviewed("Get its usage report with GetKeyUsage, review it, and send its hash as UsageReportHash.");
  }
  const { report } = await source.readHeld(context, key);
  if (report.hash === hash) return;
  throw notReviewed(
    "The UsageReportHash is not that of its present usage report: the key may have been used since. Get the report again with GetKeyUsage and review it.",
  );
}

function notReviewed(advice: string): ApiError {
  return new ApiError(CODE, `${ERRORS[CODE].message} ${advice}`);
}
