import {
  decodeMessage,
  encodeMessage,
  type FieldValue,
  INSTANCE_APIS,
  type Message,
  ProtobufError,
} from "@cinnabar/rpc";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";

/** Messages of the instance protocol. What is read must be written and read again as the same. */
export const protobufTarget: TargetDeclaration = {
  name: "protobuf",
  what: "messages of the instance protocol, read, written and read again",
  group: "process",
  weight: 40,
  open: () => Promise.resolve(open()),
};

const SAMPLES: Readonly<Record<string, FieldValue>> = {
  string: "text",
  bytes: Buffer.from("0001ff", "hex"),
  int32: -2,
  bool: true,
  strings: ["one", "", "three"],
};

function open(): Target {
  const messages = Object.values(INSTANCE_APIS).flatMap(({ request, response }) => [request, response]);
  return {
    seeds: messages.map(encodeSample),
    attempt(input) {
      const outcomes = messages.map((message) => {
        try {
          const values = decodeMessage(message, input);
          const again = decodeMessage(message, encodeMessage(message, values));
          if (plain(again) !== plain(values)) throw new Violation("a message reads otherwise once it is written");
          return "read";
        } catch (error) {
          return refusal(error, ProtobufError);
        }
      });
      return outcomes.find((outcome) => outcome === "read") ?? outcomes[0] ?? "read";
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function encodeSample(message: Message): Buffer {
  const values = Object.entries(message).map(([name, { kind }]) => [name, SAMPLES[kind] ?? ""] as const);
  return encodeMessage(message, new Map(values));
}

/** The same text for the same values, in whatever order they were found. */
function plain(values: ReadonlyMap<string, FieldValue>): string {
  const names = [...values.keys()].toSorted();
  return JSON.stringify(names.map((name) => [name, toPlain(values.get(name))]));
}

function toPlain(value: FieldValue | undefined): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}
