export type { Answer } from "./answer.ts";
export {
  type CallParameters,
  CinnabarClient,
  type ClientOptions,
  type Credentials,
  type Decrypted,
  type EncryptionContext,
  type GeneratedDataKey,
} from "./cinnabar-client.ts";
export { ServiceError } from "./service-error.ts";
export { TransportError } from "./transport-error.ts";
