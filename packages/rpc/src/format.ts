import { invalidParameter } from "./wire-error.ts";

/** What an answer is written in. PROTOBUF is the instance protocol's, and nothing that other requests may ask for. */
export type AnswerFormat = RpcFormat | "PROTOBUF";

/** What requests may ask for. */
export type RpcFormat = "JSON" | "XML";

/** Reads `Format`; absent or empty means JSON. */
export function readFormat(parameters: ReadonlyMap<string, string>): RpcFormat {
  const format = parameters.get("Format")?.toUpperCase();
  if (format === undefined || format === "" || format === "JSON") return "JSON";
  if (format === "XML") return "XML";
  throw invalidParameter("Format", "It must be JSON or XML.");
}
