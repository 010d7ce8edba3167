/** Lets one holder at a time through, in the order of asking. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  async run<T>(body: () => Promise<T>): Promise<T> {
    const before = this.#tail;
    let release: () => void = () => undefined;
    this.#tail = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    try {
      return await body();
    } finally {
      release();
    }
  }
}
