const STEERING = /[^\P{C}\n\t]/gu;

/**
 * A text as a terminal is to show it: control and format characters, but for line breaks and tabs, stand as their numbers.
 * Services and files have chosen much of what is said, and it must not steer the terminal. JSON says the same with them.
 */
export function forTerminal(text: string): string {
  return text.replaceAll(STEERING, (character) =>
    Array.from({ length: character.length }, (_, i) => {
      return `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
    }).join(""),
  );
}
