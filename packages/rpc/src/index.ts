export { assertFresh, MAX_CLOCK_SKEW_MILLIS } from "./clock-skew.ts";
export type { AnswerFormat } from "./format.ts";
export type { RequestHeaders } from "./headers.ts";
export { INSTANCE_APIS, type InstanceApi } from "./instance-messages.ts";
export {
  INSTANCE_API_VERSION,
  INSTANCE_HEADERS,
  isInstanceRequest,
  PROTOBUF_CONTENT_TYPE,
  readClientKeyId,
  readMessage,
} from "./instance-request.ts";
export { encodeInstanceError, encodeInstanceResult } from "./instance-response.ts";
export { ClientKeyVerifier, type InstanceCall, signInstance } from "./instance-signature.ts";
export { MAX_PARAMETER_NAME_LENGTH, MAX_PARAMETERS, readList, readMap, readRecords } from "./parameters.ts";
export { parseRequest, parseUnsignedRequest } from "./request.ts";
export {
  decodeMessage,
  encodeMessage,
  type Field,
  type FieldKind,
  type FieldValue,
  type Message,
  ProtobufError,
} from "./protobuf.ts";
export { encodeError, encodeResult, type ErrorAnswer, JSON_CONTENT_TYPE } from "./response.ts";
export type {
  Acs3Protocol,
  AcsProtocol,
  HttpRequest,
  InstanceRequest,
  RpcProtocol,
  RpcRequest,
  UnsignedRequest,
} from "./rpc-request.ts";
export { type AcsCall, signAcs3, signAcs4 } from "./signature-acs.ts";
export { signV1 } from "./signature-v1.ts";
export type { Call, SignedRequest } from "./signed-request.ts";
export { SigningSecret } from "./signing-secret.ts";
export { formatTimestamp, parseTimestamp } from "./timestamp.ts";
export { assertSignedFor, verifySignature } from "./verify-signature.ts";
export { WIRE_ERROR_CODES, WireError, type WireErrorCode } from "./wire-error.ts";
export { encodeXmlError, encodeXmlResult, XML_CONTENT_TYPE } from "./xml.ts";
