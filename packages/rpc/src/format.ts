import { invalidParameter } from "./wire-error.ts";

/** Takes `Format` out of the parameters; absent or empty means JSON. */
export function takeFormat(parameters: Map<string, string>): "JSON" | "XML" {
  const format = parameters.get("Format")?.toUpperCase();
  parameters.delete("Format");
  if (format === undefined || format === "" || format === "JSON") return "JSON";
  if (format === "XML") return "XML";
  throw invalidParameter("Format", "It must be JSON or XML.");
}
