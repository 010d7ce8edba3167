import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { pathToFileURL } from "node:url";
import { bundlePath, sourceMapPath } from "./bundle-file.ts";

/** What a bundle's source map says besides what every source map does. */
export interface BundleMap extends Omit<SourceMapPayload, "sourceRoot"> {
  /** The hash of the code that it belongs to: it is written apart from it. */
  readonly codeHash: string;
}

/**
 * Has stack traces name the sources instead of the bundle. Node could, but would read the map at every start; here it is
 * read when somebody looks at the first stack trace.
 */
export function nameOriginalPositions(codeHash: string): void {
  const bundle = pathToFileURL(bundlePath).href;
  let map: SourceMap | undefined;
  let isRead = false;

  Error.prepareStackTrace = (error, callSites) => {
    if (!isRead) {
      isRead = true;
      map = readMap(codeHash);
    }
    const frames = callSites.map((callSite) => `\n    at ${nameOrigin(callSite)}`);
    return `${Error.prototype.toString.call(error)}${frames.join("")}`;
  };

  function nameOrigin(callSite: NodeJS.CallSite): string {
    // oxlint-disable-next-line typescript/no-base-to-string -- V8's own text of it
    const frame = callSite.toString();
    const line = callSite.getLineNumber();
    const column = callSite.getColumnNumber();
    if (map === undefined || line === null || column === null || callSite.getFileName() !== bundle) return frame;
    const origin = map.findOrigin(line, column);
    if (!("fileName" in origin)) return frame;
    const position = `${new URL(origin.fileName, bundle).href}:${origin.lineNumber}:${origin.columnNumber}`;
    return frame.replace(`${bundle}:${line}:${column}`, () => position);
  }
}

/** `undefined` if it is missing or that of another bundle: positions in the bundle are better than wrong ones. */
function readMap(codeHash: string): SourceMap | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written beside the bundle, by the same hand
    const payload = JSON.parse(readFileSync(sourceMapPath, "utf8")) as BundleMap;
    return payload.codeHash === codeHash ? new SourceMap({ ...payload, sourceRoot: "" }) : undefined;
  } catch {
    return undefined;
  }
}
