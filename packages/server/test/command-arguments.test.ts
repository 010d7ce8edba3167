import assert from "node:assert/strict";
import { test } from "node:test";

import { type CommandSyntax, parseArguments } from "../src/commands/command-arguments.ts";
import { UsageError } from "../src/operator-error.ts";

const syntax: CommandSyntax = {
  operands: [{ name: "The thing" }, { name: "The place", isOptional: true }],
  switches: ["--json", "--force"],
  options: [["--output", "-o"]],
};

function parse(line: string) {
  const { operands, switches, options, settings } = parseArguments(line.split(" "), syntax);
  return { operands, switches: [...switches], options: Object.fromEntries(options), settings };
}

test("a command's own arguments are told from the settings among them, in any order", () => {
  const expected = {
    operands: ["a", "b"],
    switches: ["--json"],
    options: { "--output": "out" },
    settings: ["--data", "dir", "--tls", "--seal=file:x"],
  };
  for (const line of [
    "a b --json -o out --data dir --tls --seal=file:x",
    "--json --data dir a --output=out --tls b --seal=file:x",
    "--data dir --tls --seal=file:x a b --output out --json",
  ]) {
    assert.deepEqual(parse(line), expected, line);
  }
});

test("the value of a setting is no operand, even if it looks like a flag of the command", () => {
  assert.deepEqual(parse("--config --json a"), {
    operands: ["a"],
    switches: [],
    options: {},
    settings: ["--config", "--json"],
  });
});

test("what is missing, twice, too much or without a value is said, as a wrong use of the command", () => {
  for (const [line, message] of [
    ["--json", "The thing is missing. See --help."],
    ["a b c", '"c" is more than is expected here. See --help.'],
    ["a -o", "-o needs a value."],
    ["a -o --json", "-o needs a value."],
    ["a --output=", "--output needs a value."],
    ["a -o x --output y", "--output is given twice."],
  ] as const) {
    assert.throws(
      () => parse(line),
      (error) => error instanceof UsageError && error.message === message,
      line,
    );
  }
});

test("an optional operand may be missing, and unknown flags are left for the settings to refuse", () => {
  assert.deepEqual(parse("a --jsn"), { operands: ["a"], switches: [], options: {}, settings: ["--jsn"] });
});
