import { resolve } from "node:path";

/** Where signed checkpoints are delivered to, outside of the database. */
export type CheckpointAddress =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "http"; readonly url: URL }
  | { readonly kind: "syslog"; readonly host: string; readonly port: number };

/** RFC 5426 section 3.3. */
const SYSLOG_PORT = 514;

/**
 * Reads `syslog`, `syslog://HOST:PORT`, `http://…`, `https://…` or the path of a file.
 *
 * @returns undefined for another scheme, or a URL that is none.
 */
export function parseCheckpointAddress(text: string): CheckpointAddress | undefined {
  if (text === "syslog") return { kind: "syslog", host: "127.0.0.1", port: SYSLOG_PORT };
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text === "" ? undefined : { kind: "file", path: resolve(text) };
  const url = URL.parse(text);
  if (url === null || url.hostname === "") return undefined;
  if (url.protocol === "http:" || url.protocol === "https:") return { kind: "http", url };
  if (url.protocol !== "syslog:" || !/^(?:\/?)$/.test(url.pathname) || url.search !== "" || url.username !== "") {
    return undefined;
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { kind: "syslog", host, port: url.port === "" ? SYSLOG_PORT : Number(url.port) };
}

/** For people: without passwords, and without a query, which may hold a token. */
export function describeCheckpointAddress(address: CheckpointAddress): string {
  switch (address.kind) {
    case "file":
      return address.path;
    case "http":
      return `${address.url.origin}${address.url.pathname}`;
    case "syslog":
      return `syslog at ${address.host} port ${address.port}`;
  }
}
