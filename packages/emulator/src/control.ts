/** The emulator did not start, or did not do what was asked of it; the message says why. */
export class EmulatorError extends Error {
  override readonly name = "EmulatorError";
}

/** Asks an emulator's own API. */
export class Control {
  readonly #url: URL;

  /** @param url - of the admin listener. */
  constructor(url: URL) {
    this.#url = url;
  }

  /** @throws {@link EmulatorError} with the emulator's sentence if it refuses, or if it cannot be reached. */
  async ask(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<Fields> {
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(new URL(path, this.#url), {
        method,
        ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
      });
      answer = await response.json();
    } catch (cause) {
      throw new EmulatorError("the emulator cannot be reached", { cause });
    }
    const fields = new Fields(answer);
    if (!response.ok) throw new EmulatorError(fields.text("error"));
    return fields;
  }
}

/** An object out of JSON. */
export class Fields {
  readonly #fields: ReadonlyMap<string, unknown>;

  constructor(value: unknown) {
    this.#fields = new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
  }

  /** @throws {@link EmulatorError} if there is no such text. */
  text(name: string): string {
    const value = this.#fields.get(name);
    if (typeof value !== "string") throw new EmulatorError(`the emulator's answer has no ${name}`);
    return value;
  }

  /** @throws {@link EmulatorError} if there is no such number. */
  number(name: string): number {
    const value = this.#fields.get(name);
    if (typeof value !== "number") throw new EmulatorError(`the emulator's answer has no ${name}`);
    return value;
  }
}
