import { encodeEvent, type EventObject } from "@cinnabar/kernel";

/** A call with keys, as the log has it; what is left out is the same in all of them. */
export interface TestCall {
  readonly operation: string;
  readonly at: number;
  readonly errorCode?: string | undefined;
  readonly noted?: EventObject;
  readonly parameters?: EventObject;
  readonly keyVersionId?: string | undefined;
  readonly accessKeyId?: string;
}

export const ACCOUNT_ID = "1234567890123456";

let calls = 0;

/** The event's canonical JSON. */
export function callEvent(call: TestCall): string {
  const eventId = `0F2B6C1E-7A55-4E0B-9D51-${(calls++).toString(16).toUpperCase().padStart(12, "0")}`;
  return encodeEvent({
    acsRegion: "cn-hangzhou",
    additionalEventData: { epoch: 1, ...call.noted },
    apiVersion: "2016-01-20",
    errorCode: call.errorCode,
    errorMessage: call.errorCode && "no",
    eventId,
    eventName: call.operation,
    eventRW: "Read",
    eventSource: "127.0.0.1",
    eventTime: call.at,
    eventType: "ApiCall",
    recipientAccountId: ACCOUNT_ID,
    requestParameters: call.parameters ?? {},
    responseElements:
      call.errorCode === undefined && call.keyVersionId !== undefined ? { KeyVersionId: call.keyVersionId } : undefined,
    serviceName: "Kms",
    sourceIpAddress: "127.0.0.1",
    userAgent: "test",
    userIdentity: {
      accessKeyId: call.accessKeyId ?? "LTAI5tTest",
      accountId: ACCOUNT_ID,
      principalId: ACCOUNT_ID,
      type: "root-account",
      userName: "root",
    },
  });
}
