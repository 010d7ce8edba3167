/** The service refused the call and said why. */
export class ServiceError extends Error {
  /** As published, such as `Forbidden.KeyNotFound`. */
  readonly code: string;
  /** Of the HTTP answer. */
  readonly status: number;
  /** To find the call in the audit log; empty if the answer had none. */
  readonly requestId: string;
  /** What the call would have changed for others, as published: of a call with DryRun alone, and unchecked. */
  readonly dryRunDetail: Readonly<Record<string, unknown>> | undefined;
  /** What right was missing, as published: unchecked. */
  readonly accessDeniedDetail: Readonly<Record<string, unknown>> | undefined;

  constructor(answer: {
    code: string;
    status: number;
    message: string;
    requestId: string;
    dryRunDetail?: Readonly<Record<string, unknown>> | undefined;
    accessDeniedDetail?: Readonly<Record<string, unknown>> | undefined;
  }) {
    super(answer.message);
    this.name = "ServiceError";
    this.code = answer.code;
    this.status = answer.status;
    this.requestId = answer.requestId;
    this.dryRunDetail = answer.dryRunDetail;
    this.accessDeniedDetail = answer.accessDeniedDetail;
  }
}
