import { invalidParameter } from "./wire-error.ts";

/** What an answer is written in. */
export type AnswerFormat = "JSON" | "XML";

/** Reads `Format`; absent or empty means JSON. */
export function readFormat(parameters: ReadonlyMap<string, string>): AnswerFormat {
  const format = parameters.get("Format")?.toUpperCase();
  if (format === undefined || format === "" || format === "JSON") return "JSON";
  if (format === "XML") return "XML";
  throw invalidParameter("Format", "It must be JSON or XML.");
}
