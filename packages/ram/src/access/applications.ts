import type { ApplicationPrincipal, RequestContext } from "@cinnabar/kernel";

/** An application of the caller's account as it is now. */
export interface KnownApplication {
  readonly principal: ApplicationPrincipal;
  /** When its access point was made, in store milliseconds since 1970: one of that name before it was another one. */
  readonly createdAt: number;
}

/** The applications of the caller's account, which are another product's. */
export interface Applications {
  /** By the name of its access point. */
  find(context: RequestContext, name: string): Promise<KnownApplication | undefined>;
  /** All, in no order. */
  list(context: RequestContext): Promise<readonly KnownApplication[]>;
}
