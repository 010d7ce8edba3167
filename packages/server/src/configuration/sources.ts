import { z } from "zod";

import { OperatorError } from "../operator-error.ts";
import { nearest } from "./nearest.ts";
import { flagOf, SETTING_NAMES, type SettingName, SETTINGS, variableOf } from "./settings.ts";

/** The text of a setting, and where it comes from in the words of the source: a flag, a variable, a key of a file. */
export interface Given {
  readonly text: string;
  readonly source: string;
}

/** What one source says, by the name of the setting; `config` is the file that is a source itself. */
export type Source = ReadonlyMap<SettingName | typeof CONFIG, Given>;

/** Not in the table: a file cannot name itself. */
export const CONFIG = "config";

/** All but the command line's own CINNABAR_DEBUG, and what is reserved for the project's tests. */
const ownVariables = /^CINNABAR_(?!DEBUG$|TEST_)/;
/** Variables that are not settings: stack traces for whoever debugs a command, and what test runs tell their tests. */
const otherVariables = /^CINNABAR_(?:DEBUG$|TEST_)/;
const known = [...SETTING_NAMES, CONFIG] as const;

/** Reads `--flag VALUE` and `--flag=VALUE`; a switch needs no value. @throws OperatorError */
export function readFlags(argv: readonly string[]): Source {
  const source = new Map<SettingName | typeof CONFIG, Given>();
  const byFlag = new Map(known.map((name) => [flagOf(name), name]));
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? "";
    const [flag, assigned] = splitOnce(argument, "=");
    const name = byFlag.get(flag);
    if (name === undefined) {
      if (argument.startsWith("-")) throw unknown("flag", flag, [...byFlag.keys()]);
      throw new OperatorError(`"${argument}" is not a flag, and nothing else is expected here.`);
    }
    if (source.has(name)) throw new OperatorError(`${flag} is given twice.`);
    const isSwitch = name !== CONFIG && SETTINGS[name].placeholder === undefined;
    const text = assigned ?? (isSwitch ? "true" : argv[++i]);
    if (text === undefined || (assigned === undefined && text.startsWith("--"))) {
      throw new OperatorError(`${flag} needs a value.`);
    }
    source.set(name, { text, source: flag });
  }
  return source;
}

/** Reads the variables that begin with CINNABAR_; an empty one counts as not set. @throws OperatorError */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): Source {
  const source = new Map<SettingName | typeof CONFIG, Given>();
  const byVariable = new Map(known.map((name) => [variableOf(name), name]));
  for (const [variable, text = ""] of Object.entries(environment)) {
    if (!ownVariables.test(variable) || otherVariables.test(variable)) continue;
    const name = byVariable.get(variable);
    if (name === undefined) throw unknown("environment variable", variable, [...byVariable.keys()]);
    if (text !== "") source.set(name, { text, source: variable });
  }
  return source;
}

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const fileSchema = z.record(z.string(), z.union([scalar, z.array(z.string())]));

/** Reads a JSON object. Numbers, booleans and lists of strings stand for their text. @throws OperatorError */
export function readConfigFile(path: string, contents: string): Source {
  let json: unknown;
  try {
    json = JSON.parse(contents);
  } catch {
    // Without the cause: the parser's message may quote a password.
    throw new OperatorError(`The configuration file ${path} is not JSON.`);
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const [key] = parsed.error.issues[0]?.path ?? [];
    throw new OperatorError(
      key === undefined
        ? `The configuration file ${path} is not a JSON object.`
        : `The configuration file ${path} has under "${String(key)}" neither a text, a number, true, false, nor a list of texts.`,
    );
  }
  const source = new Map<SettingName, Given>();
  for (const [key, value] of Object.entries(parsed.data)) {
    const name = SETTING_NAMES.find((candidate) => candidate === key);
    if (name === undefined)
      throw unknown(
        `key in ${path}:`,
        `"${key}"`,
        SETTING_NAMES.map((n) => `"${n}"`),
      );
    source.set(name, { text: String(value), source: `"${key}" in ${path}` });
  }
  return source;
}

function unknown(kind: string, word: string, candidates: readonly string[]): OperatorError {
  const meant = nearest(word, candidates);
  return new OperatorError(
    `Unknown ${kind} ${word}.${meant === undefined ? " See --help for all there are." : ` Did you mean ${meant}?`}`,
  );
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
