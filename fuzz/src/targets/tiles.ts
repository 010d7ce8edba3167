import {
  decodeEntryBundle,
  decodeHashTile,
  encodeEntryBundle,
  encodeHashTile,
  Frontier,
  MerkleError,
  parseTilePath,
  tilePath,
} from "@cinnabar/merkle-log";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { fixedBytes } from "./fixed-keys.ts";

const WIDTH = 5;

/** Files of an exported log (C2SP tlog-tiles), their paths, and a log's frontier. */
export const tilesTarget: TargetDeclaration = {
  name: "tiles",
  what: "entry bundles, hash tiles, tile paths, frontiers",
  group: "process",
  weight: 60,
  open: () => Promise.resolve(open()),
};

function open(): Target {
  const hashes = Array.from({ length: WIDTH }, (_, i) => fixedBytes(`hash ${i}`));
  const entries = ["", "a", "entry", "x".repeat(300), "{}"].map((text) => Buffer.from(text));
  return {
    seeds: [
      encodeEntryBundle(entries),
      encodeHashTile(hashes),
      Buffer.from(tilePath({ level: 0, index: 1_234_067, width: WIDTH })),
      Buffer.from(tilePath({ level: "entries", index: 7, width: 256 })),
      Frontier.empty().append(hashes).encode(),
    ],
    attempt(input) {
      const text = Buffer.from(input).toString();
      const outcomes = [
        read(input, () => encodeEntryBundle(decodeEntryBundle(input, WIDTH))),
        read(input, () => encodeHashTile(decodeHashTile(input, WIDTH))),
        read(Buffer.from(text), () => Buffer.from(tilePath(parseTilePath(text)))),
        read(input, () => Frontier.decode(input).encode()),
      ];
      return outcomes.includes("read") ? "read" : (outcomes[0] ?? "");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function read(input: Uint8Array, readAndWrite: () => Uint8Array): string {
  let written: Uint8Array;
  try {
    written = readAndWrite();
  } catch (error) {
    return refusal(error, MerkleError);
  }
  if (!Buffer.from(written).equals(input)) throw new Violation("bytes are read that would be written otherwise");
  return "read";
}
