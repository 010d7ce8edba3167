import { lookup } from "node:dns";
import { request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isLocalAddress } from "./local-address.ts";

/** How long a document may take to come, in milliseconds. */
const PATIENCE_MILLIS = 5_000;
const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** A document could not be fetched. The message says why, for the server's log. */
export class FetchError extends Error {
  override readonly name = "FetchError";
}

/** Fetches a JSON document. @throws {@link FetchError} */
export type FetchDocument = (
  url: URL,
  trust: {
    /** PEM of the certificates to trust instead of the system's. */
    readonly ca: string | undefined;
    readonly allowsLocalAddresses: boolean;
  },
) => Promise<unknown>;

/**
 * Fetches a JSON document over https: within 5 seconds, at most 1 MiB, without following a redirect. The name is resolved
 * once, and the connection goes to an address that was looked at.
 */
export const fetchDocument: FetchDocument = async (url, { ca, allowsLocalAddresses }) => {
  if (url.protocol !== "https:") throw new FetchError(`${url.href} is not https`);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const refuse = (address: string): FetchError | undefined =>
    !allowsLocalAddresses && isLocalAddress(address)
      ? new FetchError(`${url.host} leads to ${address}, an address of this machine or this link`)
      : undefined;
  // Node asks nobody for the address of a host that is one.
  const refused = isIP(host) === 0 ? undefined : refuse(host);
  if (refused !== undefined) throw refused;
  const call = request(
    url,
    {
      ca,
      agent: false,
      lookup: lookupExcept(refuse),
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(PATIENCE_MILLIS),
    },
    (response) => {
      if (response.statusCode !== 200) {
        call.destroy(new FetchError(`${url.href} was answered with ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_DOCUMENT_BYTES) call.destroy(new FetchError(`${url.href} is longer than 1 MiB`));
        else chunks.push(chunk);
      });
      response.on("end", () => resolve(Buffer.concat(chunks).toString()));
      response.on("error", reject);
    },
  );
  call.on("error", reject);
  call.end();
  try {
    const document: unknown = JSON.parse(await promise);
    return document;
  } catch (error) {
    if (error instanceof FetchError) throw error;
    throw new FetchError(`${url.href} could not be fetched`, { cause: error });
  }
};

function lookupExcept(refuse: (address: string) => FetchError | undefined): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const problem = error ?? addresses.map(({ address }) => refuse(address)).find((refused) => refused !== undefined);
      const [first] = addresses ?? [];
      if (problem !== undefined && problem !== null) done(problem, "");
      else if (options.all === true) done(null, addresses);
      else if (first === undefined) done(new FetchError(`${hostname} has no address`), "");
      else done(null, first.address, first.family);
    });
  };
}
