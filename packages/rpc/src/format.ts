import { invalidParameter } from "./wire-error.ts";

/** Reads `Format`; absent or empty means JSON. */
export function readFormat(parameters: ReadonlyMap<string, string>): "JSON" | "XML" {
  const format = parameters.get("Format")?.toUpperCase();
  if (format === undefined || format === "" || format === "JSON") return "JSON";
  if (format === "XML") return "XML";
  throw invalidParameter("Format", "It must be JSON or XML.");
}
