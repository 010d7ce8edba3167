import { forTerminal } from "./terminal-text.ts";

/** Writes to the standard output and waits until it has taken the text. */
export function print(text: string): Promise<void> {
  return write(process.stdout, text);
}

/** Says a sentence to whoever runs the command, on the standard error. */
export function say(sentence: string): Promise<void> {
  return write(process.stderr, `${sentence}\n`);
}

/** Columns of text, each as wide as its widest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(stream.isTTY ? forTerminal(text) : text, (error) => (error ? reject(error) : resolve()));
  });
}
