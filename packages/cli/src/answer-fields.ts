import type { Answer } from "@cinnabar/client";
import { Failure } from "./failure.ts";

/** @param path - two names joined by a dot, as lists stand in answers. @throws Failure */
export function items(answer: Answer, path: string): readonly Answer[] {
  return list(answer, path).filter(isAnswer);
}

/** @param path - two names joined by a dot. @throws Failure */
export function texts(answer: Answer, path: string): readonly string[] {
  return list(answer, path).map(text);
}

function list(answer: Answer, path: string): readonly unknown[] {
  const [outer = "", inner = ""] = path.split(".");
  const object = answer[outer];
  const found = isAnswer(object) ? object[inner] : undefined;
  if (!Array.isArray(found)) throw new Failure(`The answer has no ${path}.`);
  return found;
}

export function isAnswer(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text, empty where there is none. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
