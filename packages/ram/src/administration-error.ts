/**
 * - `accountNotFound`, `accessKeyNotFound`: nothing has that id.
 * - `tooManyAccessKeys`: the account has as many AccessKeys as it may have.
 * - `lastActiveAccessKey`: without it nobody could call as the account's root any more.
 * - `accessKeyInUse`: it is still active.
 * - `providerNotFound`, `providerExists`: the account has none, or has one already, of that name.
 * - `tooManyProviders`: the account has as many as it may have.
 * - `invalidProvider`: something that was said of the provider cannot be.
 * - `serviceNotFound`, `serviceExists`: the service was never enabled, or was already.
 */
export type AdministrationErrorCode =
  | "accountNotFound"
  | "accessKeyNotFound"
  | "tooManyAccessKeys"
  | "lastActiveAccessKey"
  | "accessKeyInUse"
  | "providerNotFound"
  | "providerExists"
  | "tooManyProviders"
  | "invalidProvider"
  | "serviceNotFound"
  | "serviceExists";

/** What an operator asked for cannot be done, and nothing was changed. The message is a sentence without secrets. */
export class AdministrationError extends Error {
  override readonly name = "AdministrationError";
  readonly code: AdministrationErrorCode;

  constructor(code: AdministrationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
