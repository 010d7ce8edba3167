import { OperatorError } from "../operator-error.ts";

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not do that",
  EDQUOT: "this user's share of the disk is used up",
  EEXIST: "there is a file of that name already",
  EISDIR: "it is a directory",
  ELOOP: "its symbolic links lead in a circle",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "the path is too long",
  ENOENT: "there is no such file or directory",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is not a directory",
  EPERM: "this user may not do that",
  EROFS: "the file system is read-only",
};

/** Whether `error` comes from the system with this code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return errorCode(error) === code;
}

/**
 * Turns a system's error into a sentence for the operator.
 *
 * @param what - what failed, with the path: "DIR/node.json cannot be written".
 */
export function fileError(what: string, cause: unknown): OperatorError {
  const code = errorCode(cause);
  const reason = REASONS[code ?? ""] ?? (cause instanceof Error ? cause.message : String(cause));
  return new OperatorError(`${what}: ${reason}${code === undefined ? "" : ` (${code})`}.`, { cause });
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
