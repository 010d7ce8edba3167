import type { IncomingCall } from "./call.ts";
import type { ApiError } from "./errors.ts";

/** A call whose caller is proven, as the emulator looks at it before it is served. */
export interface ProvenCall {
  readonly incoming: IncomingCall;
  /** The operation's name as it was sent; it need not be one that is served. */
  readonly action: string;
  readonly accountId: string;
}

/**
 * What the emulator does to a call instead of serving it: has it refused, on record as any refusal, or loses it, before
 * it had any effect. Nobody takes the answer to a call that is lost.
 */
export type InjectedFault =
  | { readonly kind: "refused"; readonly error: ApiError; readonly retryAfterMillis?: number | undefined }
  | { readonly kind: "lost" };
