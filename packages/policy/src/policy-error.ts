export interface PolicyFault {
  /** Where in the document, as a JSON path: `$.Statement[0].Action`. */
  readonly path: string;
  /** What stands there, shortened. */
  readonly found: string;
  /** What may stand there. */
  readonly allowed: string;
}

/** A document that is no policy. Its message says where, what was found, and what is allowed. */
export class PolicyError extends Error implements PolicyFault {
  readonly path: string;
  readonly found: string;
  readonly allowed: string;

  constructor({ path, found, allowed }: PolicyFault) {
    super(`${path}: found ${found}; allowed is ${allowed}.`);
    this.name = "PolicyError";
    this.path = path;
    this.found = found;
    this.allowed = allowed;
  }
}
