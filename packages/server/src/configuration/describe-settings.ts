import { flagOf, SETTING_NAMES, type Setting, type SettingName, SETTINGS, variableOf } from "./settings.ts";

const NONE = "none";

/** Whether the arguments ask for help rather than for work. */
export function asksForHelp(argv: readonly string[]): boolean {
  return argv.includes("--help") || argv.includes("-h");
}

/**
 * The flags with their descriptions, for `--help`.
 *
 * @param options.columns - width of the terminal.
 */
export function describeSettings({ columns }: { readonly columns: number }): string {
  const entries = SETTING_NAMES.map((name) => {
    const setting: Setting = SETTINGS[name];
    const isSwitch = setting.placeholder === undefined;
    const end = isSwitch || defaultOf(setting) === NONE ? "" : ` Default: ${plain(defaultOf(setting))}.`;
    return { flag: flagWithValue(name), text: `${plain(setting.description)}${end}` };
  });
  entries.push({ flag: "--config FILE", text: "JSON file with settings." }, { flag: "--help", text: "Show this." });
  const indent = Math.max(...entries.map(({ flag }) => flag.length)) + 4;
  const width = Math.max(columns - indent, 40);
  return entries
    .map(({ flag, text }) => `  ${flag.padEnd(indent - 2)}${wrap(text, width).join(`\n${" ".repeat(indent)}`)}\n`)
    .join("");
}

/** The table of docs/configuration.md, in Markdown. */
export function settingsTable(): string {
  const rows = SETTING_NAMES.map((name) => [
    `\`${flagWithValue(name)}\``,
    `\`${variableOf(name)}\``,
    `\`${name}\``,
    defaultOf(SETTINGS[name]),
    SETTINGS[name].description,
  ]);
  const table = [["flag", "variable", "key", "default", "meaning"], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = "", ...body] = table.map(line);
  return `${[head, line(widths.map((width) => "-".repeat(width))), ...body].join("\n")}\n`;
}

function flagWithValue(name: SettingName): string {
  const { placeholder } = SETTINGS[name];
  return placeholder === undefined ? flagOf(name) : `${flagOf(name)} ${placeholder}`;
}

/** In Markdown. */
function defaultOf({ default: text = "", defaultNote }: Setting): string {
  return defaultNote ?? (text === "" ? NONE : `\`${text}\``);
}

function plain(markdown: string): string {
  return markdown.replaceAll("`", "");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
