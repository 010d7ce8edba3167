import { INSTANCE_APIS, INSTANCE_ERROR } from "./instance-messages.ts";
import { encodeMessage, type FieldKind, type FieldValue } from "./protobuf.ts";
import type { ErrorAnswer } from "./response.ts";

/**
 * Writes the body of an answer of the instance protocol.
 *
 * @param answer.result - the message's fields by their names; bytes as text in base64. Others are left out.
 * @throws RangeError for a value that its field cannot hold, or an API that there is not.
 */
export function encodeInstanceResult(answer: {
  readonly action: string;
  readonly requestId: string;
  readonly result: Readonly<Record<string, unknown>>;
}): Buffer {
  const { action, requestId, result } = answer;
  const api = INSTANCE_APIS[action];
  if (api === undefined) throw new RangeError(`${action} is no API of the instance protocol`);
  const values = new Map<string, FieldValue>();
  for (const [name, { kind }] of Object.entries(api.response)) {
    const value = name === "RequestId" ? requestId : result[name];
    if (value !== undefined) values.set(name, toFieldValue(kind, value));
  }
  return encodeMessage(api.response, values);
}

/** Writes the body of an error of the instance protocol. */
export function encodeInstanceError({ httpStatus, code, message, requestId }: ErrorAnswer): Buffer {
  return encodeMessage(
    INSTANCE_ERROR,
    new Map<string, FieldValue>([
      ["StatusCode", httpStatus],
      ["ErrorCode", code],
      ["ErrorMessage", message],
      ["RequestId", requestId],
    ]),
  );
}

function toFieldValue(kind: FieldKind, value: unknown): FieldValue {
  if (typeof value === "string") return kind === "bytes" ? Buffer.from(value, "base64") : value;
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(String);
  throw new RangeError("the value is of no kind that a message holds");
}
