/** The service refused the call and said why. */
export class ServiceError extends Error {
  /** As published, such as `Forbidden.KeyNotFound`. */
  readonly code: string;
  /** Of the HTTP answer. */
  readonly status: number;
  /** To find the call in the audit log; empty if the answer had none. */
  readonly requestId: string;

  constructor(answer: { code: string; status: number; message: string; requestId: string }) {
    super(answer.message);
    this.name = "ServiceError";
    this.code = answer.code;
    this.status = answer.status;
    this.requestId = answer.requestId;
  }
}
