import { takesValue } from "../configuration/index.ts";
import { UsageError } from "../operator-error.ts";

/** What a command takes beside the settings. */
export interface CommandSyntax {
  /** Names of what it acts on, in order and all of them required unless `isOptional`. */
  readonly operands: readonly { readonly name: string; readonly isOptional?: boolean }[];
  /** Flags without a value, such as `--json`. */
  readonly switches: readonly string[];
  /** Flags with a value, each in all its spellings, such as `["--output", "-o"]`. */
  readonly options: readonly (readonly [string, ...string[]])[];
}

/** A command's arguments, taken apart. */
export interface CommandArguments {
  /** In the order of the syntax; one that is optional may be missing. */
  readonly operands: readonly string[];
  readonly switches: ReadonlySet<string>;
  /** By the first spelling of the flag. */
  readonly options: ReadonlyMap<string, string>;
  /** What is left, for {@link loadConfiguration}. */
  readonly settings: readonly string[];
}

/** Parts a command's own arguments from the settings among them. @throws UsageError */
export function parseArguments(argv: readonly string[], syntax: CommandSyntax): CommandArguments {
  const operands: string[] = [];
  const switches = new Set<string>();
  const options = new Map<string, string>();
  const settings: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const equals = word.startsWith("-") ? word.indexOf("=") : -1;
    const flag = equals < 0 ? word : word.slice(0, equals);
    const option = syntax.options.find((spellings) => spellings.includes(flag));
    if (option !== undefined) {
      const value = equals < 0 ? rest.shift() : word.slice(equals + 1);
      if (value === undefined || value === "" || (equals < 0 && value.startsWith("--"))) {
        throw new UsageError(`${flag} needs a value.`);
      }
      if (options.has(option[0])) throw new UsageError(`${flag} is given twice.`);
      options.set(option[0], value);
    } else if (syntax.switches.includes(word)) {
      switches.add(word);
    } else if (word.startsWith("-")) {
      settings.push(word);
      const value = equals < 0 && takesValue(flag) ? rest.shift() : undefined;
      if (value !== undefined) settings.push(value);
    } else {
      operands.push(word);
    }
  }
  const missing = syntax.operands.slice(operands.length).find(({ isOptional = false }) => !isOptional);
  if (missing !== undefined) throw new UsageError(`${missing.name} is missing. See --help.`);
  const extra = operands[syntax.operands.length];
  if (extra !== undefined) throw new UsageError(`"${extra}" is more than is expected here. See --help.`);
  return { operands, switches, options, settings };
}
