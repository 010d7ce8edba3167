import { hash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkout, codeCachePath, findOpenPlace, isTrusted } from "../code-cache.js";

/** Beside what else Node made of the sources, in a directory of its own. */
export const bundlePath = join(codeCachePath, "bundle", "cinnabar.mjs");

/** Where the positions in a bundle come from. */
export const sourceMapPath = `${bundlePath}.map`;

const COMMENT = "// ";

/** The files that a bundle depends on, and what was in them. */
export interface Sources {
  /** Each one's path, relative to the checkout, and its length in bytes. */
  readonly files: readonly (readonly [path: string, bytes: number])[];
  /** SHA-256 of all their contents, one after the other, in hexadecimal. */
  readonly digest: string;
}

/** The first line of a bundle, as JSON in a comment: what it was made from, and what follows the line. */
interface Header {
  /** The checkout, whose absolute path the code has in it. */
  readonly root: string;
  readonly sources: Sources;
  /** SHA-256 of the code after the line, in hexadecimal. */
  readonly code: string;
}

/** What there is to run in place of the sources. */
export type Bundle =
  | { readonly state: "fresh"; readonly codeHash: string }
  | { readonly state: "missing" }
  /** Made from other sources than those that are there now. */
  | { readonly state: "stale" }
  /** Not to be run, and not by anybody's intention. */
  | { readonly state: "damaged"; readonly why: string };

/**
 * Looks for a bundle of exactly the sources that are there now. Every one of them is read for it, which takes some 10 ms:
 * times and sizes of files can be the same when their contents are not.
 */
export function findBundle(): Bundle {
  if (!existsSync(bundlePath)) return { state: "missing" };
  const place = findOpenPlace() ?? [dirname(bundlePath), bundlePath].find((path) => !isTrusted(path));
  if (place !== undefined) {
    return { state: "damaged", why: `others than the owner of the sources can write to ${place}` };
  }
  const file = readFileSync(bundlePath);
  const end = file.indexOf("\n");
  const header = parseHeader(file.toString("utf8", 0, Math.max(end, 0)));
  if (header === undefined) return { state: "damaged", why: `${bundlePath} does not begin as a bundle does` };
  if (hash("sha256", file.subarray(end + 1)) !== header.code) {
    return { state: "damaged", why: `${bundlePath} is not what was written there` };
  }
  const isFresh = header.root === checkout && digestOf(header.sources.files) === header.sources.digest;
  return isFresh ? { state: "fresh", codeHash: header.code } : { state: "stale" };
}

/** A bundle as it is written: `code`, with one line in front that says what it is made from. */
export function encodeBundle({ sources, code }: Omit<Header, "root">): string {
  const header: Header = { root: checkout, sources, code: hash("sha256", code) };
  return `${COMMENT}${JSON.stringify(header)}\n${code}`;
}

/**
 * SHA-256 of the contents of files, in hexadecimal.
 *
 * @returns `undefined` if one of them has another length, or cannot be read.
 */
export function digestOf(files: Sources["files"]): string | undefined {
  const contents = Buffer.allocUnsafe(files.reduce((total, [, bytes]) => total + bytes, 1));
  let end = 0;
  try {
    for (const [path, bytes] of files) {
      const file = openSync(checkout + path, "r");
      // One byte more would say that it has grown.
      const read = readSync(file, contents, end, bytes + 1, 0);
      closeSync(file);
      if (read !== bytes) return undefined;
      end += read;
    }
  } catch {
    return undefined;
  }
  return hash("sha256", contents.subarray(0, end));
}

function parseHeader(line: string): Header | undefined {
  if (!line.startsWith(COMMENT)) return undefined;
  try {
    const header: unknown = JSON.parse(line.slice(COMMENT.length));
    return isHeader(header) ? header : undefined;
  } catch {
    return undefined;
  }
}

function isHeader(value: unknown): value is Header {
  return (
    isRecord(value) &&
    typeof value["root"] === "string" &&
    typeof value["code"] === "string" &&
    isRecord(value["sources"]) &&
    typeof value["sources"]["digest"] === "string" &&
    Array.isArray(value["sources"]["files"]) &&
    value["sources"]["files"].every(isFile)
  );
}

function isFile(value: unknown): value is Sources["files"][number] {
  return Array.isArray(value) && typeof value[0] === "string" && Number.isSafeInteger(value[1]) && value[1] >= 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
