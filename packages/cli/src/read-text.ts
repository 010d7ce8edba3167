import { readFile } from "node:fs/promises";
import { fileFailure, isSystemError } from "./failure.ts";

/** A file as text. @throws Failure if it cannot be read. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw fileFailure(`Cannot read ${path}`, error);
  }
}

/** As {@link readText}, but `undefined` if there is no such file. */
export async function findText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw fileFailure(`Cannot read ${path}`, error);
  }
}
