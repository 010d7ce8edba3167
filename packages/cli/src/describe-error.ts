import { ServiceError, TransportError } from "@cinnabar/client";
import { Failure } from "./failure.ts";

/** What went wrong, for the person who ran the command. */
export function describeError(error: unknown): string {
  if (error instanceof ServiceError) {
    const request = error.requestId === "" ? "" : ` (request ${error.requestId})`;
    return `The service refused: ${error.code}: ${error.message}${request}`;
  }
  if (error instanceof TransportError && hasCertificateProblem(error)) {
    return `${error.message}. If it is a certificate of Cinnabar's own, add --ca with the ca.pem of its data directory.`;
  }
  if (error instanceof Failure || error instanceof TransportError) return error.message;
  if (error instanceof Error && error.name === "AbortError") return "Interrupted.";
  const message = error instanceof Error ? error.message : String(error);
  return `Something unexpected went wrong: ${message}. CINNABAR_DEBUG=1 shows where.`;
}

function hasCertificateProblem({ cause }: TransportError): boolean {
  return cause instanceof Error && "code" in cause && /CERT|SIGNATURE/.test(String(cause.code));
}
