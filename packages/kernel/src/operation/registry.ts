import type { DeclaredOperation, ProductName } from "./operation.ts";

/** All operations that are served, found by version and name. */
export class OperationRegistry {
  readonly #byVersion = new Map<string, Map<string, DeclaredOperation>>();

  /** @throws RangeError if two operations have the same version and name, or a version belongs to two products. */
  constructor(operations: readonly DeclaredOperation[]) {
    for (const operation of operations) {
      let byName = this.#byVersion.get(operation.version);
      if (byName === undefined) {
        byName = new Map();
        this.#byVersion.set(operation.version, byName);
      }
      if (byName.has(operation.name)) throw new RangeError(`${operation.name} is declared twice`);
      const [{ product } = operation] = byName.values();
      if (product !== operation.product) throw new RangeError(`version ${operation.version} is of two products`);
      byName.set(operation.name, operation);
    }
  }

  hasVersion(version: string): boolean {
    return this.#byVersion.has(version);
  }

  find(version: string, name: string): DeclaredOperation | undefined {
    return this.#byVersion.get(version)?.get(name);
  }

  /** The product that a version belongs to; what nobody speaks counts as KMS's. */
  productOf(version: string): ProductName {
    for (const { product } of this.#byVersion.get(version)?.values() ?? []) return product;
    return "Kms";
  }

  get versions(): readonly string[] {
    return [...this.#byVersion.keys()];
  }

  get operations(): readonly DeclaredOperation[] {
    return [...this.#byVersion.values()].flatMap((byName) => [...byName.values()]);
  }
}
