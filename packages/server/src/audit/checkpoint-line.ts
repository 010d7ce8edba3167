import { parseLogOrigin } from "@cinnabar/kernel";
import type { SavedCheckpoint } from "./checkpoint-bundle.ts";

const MARK = "cinnabar/checkpoint/v1";
/** A checkpoint without extensions, signed by one Ed25519 key: what a server signs. */
const NOTE = /^(\S+)\n([0-9]{1,16})\n([A-Za-z0-9+/]{43}=)\n\n\u2014 (\S+) ([A-Za-z0-9+/]{91}=)\n$/u;
const LINE = new RegExp(`${MARK} (\\S+) ([0-9]{1,16}) ([A-Za-z0-9+/]{43}=) (\\S+) ([A-Za-z0-9+/]{91}=)`, "gu");

/**
 * A signed checkpoint in one line, without its line feed (docs/formats/audit-log.md, "Delivered checkpoints").
 *
 * @throws RangeError for a note that a server does not sign.
 */
export function formatCheckpointLine(note: string): string {
  const fields = NOTE.exec(note)?.slice(1);
  if (fields === undefined) throw new RangeError("not a note of a server's checkpoint");
  return [MARK, ...fields].join(" ");
}

/**
 * Every checkpoint of a deployment in a text that has such lines, whatever stands before and between them: a file that
 * a server has appended to, or what syslog made of it. What is cut off, or another deployment's, is passed over.
 * Signatures are verified where the checkpoints are used.
 *
 * @param origin - the deployment's.
 */
export function parseCheckpointLines(text: string, origin: string): SavedCheckpoint[] {
  const notes = new Map<string, SavedCheckpoint>();
  for (const [, logOrigin = "", size = "", root = "", name = "", signature = ""] of text.matchAll(LINE)) {
    const shard = name === origin ? parseLogOrigin(origin, logOrigin) : undefined;
    const note = `${logOrigin}\n${size}\n${root}\n\n\u2014 ${name} ${signature}\n`;
    if (shard !== undefined) notes.set(note, { shard, note });
  }
  return [...notes.values()];
}

/** Whether a text has lines of checkpoints, of whatever deployment. */
export function hasCheckpointLines(text: string): boolean {
  return text.includes(`${MARK} `);
}
