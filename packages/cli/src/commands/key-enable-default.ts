import { isAnswer, text } from "../answer-fields.ts";
import { dryRun, printDryRun } from "../dry-run.ts";
import { Failure, UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { type ServiceOptions, withClient } from "../service.ts";
import { printable } from "../table.ts";

export interface EnableDefaultOptions extends ServiceOptions {
  readonly external?: true;
  readonly rotate?: true;
  readonly description?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `cinnabar key enable-default` */
export async function keyEnableDefault(options: EnableDefaultOptions, io: Io): Promise<void> {
  const { external, rotate, description, json } = options;
  if (external === true && rotate === true) {
    throw new UsageFailure("Only keys whose material is made by the server are rotated: give --external or --rotate.");
  }
  const parameters = {
    ...(external === true && { Origin: "EXTERNAL" }),
    ...(rotate === true && { EnableAutomaticRotation: "true" }),
    ...(description !== undefined && { Description: description }),
  };
  const action = "EnableDefaultKey";
  if (options.dryRun === true) {
    const found = await withClient(options, io, (client) => dryRun(client, { action, parameters }));
    await printDryRun(found, { what: "Making the account's default key", json }, io);
    return;
  }
  const answer = await withClient(options, io, (client) => client.call(action, parameters));
  if (json === true) {
    await write(io.stdout, `${JSON.stringify(answer, undefined, 2)}\n`);
    return;
  }
  const { KeyMetadata: metadata } = answer;
  if (!isAnswer(metadata)) throw new Failure("The answer does not say which key was made.");
  const { KeyId: keyId, KeyState: state } = metadata;
  const next = text(state) === "PendingImport" ? " It waits for its material: cinnabar key import brings that." : "";
  await write(io.stdout, `The account's default key is ${printable(text(keyId))}.${next}\n`);
}
