/** Who makes a call, once authenticated. */
export interface Principal {
  readonly type: "root-account";
  readonly accountId: string;
  readonly accessKeyId: string;
}

/** What authentication found out about an AccessKey. */
export interface Credential {
  readonly principal: Principal;
  /** Whether the key may be used now, and if not, what to answer. */
  readonly refusedAs: "InvalidAccessKeyId.Inactive" | undefined;
}
