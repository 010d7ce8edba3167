import type { EncryptionContext, GeneratedDataKey } from "@cinnabar/client";
import { DATA_KEY_BYTES, sealEnvelope } from "../envelope/envelope.ts";
import { UsageFailure } from "../failure.ts";
import { Input } from "../input.ts";
import { type Io, write } from "../io.ts";
import { assertWritable, type Destination, writeOut, writeWhole } from "../output.ts";
import { Progress } from "../progress.ts";
import { type ServiceOptions, withClient } from "../service.ts";
import { SUFFIX } from "../suffix.ts";

export interface EncryptOptions extends ServiceOptions {
  /** Id, alias or ARN. */
  readonly key: string;
  readonly output?: string;
  readonly context?: EncryptionContext;
  readonly force?: true;
  readonly json?: true;
}

/** `cinnabar encrypt FILE` */
export async function encrypt(file: string, options: EncryptOptions, io: Io): Promise<void> {
  const { key, context = {}, force = false, json = false } = options;
  const output = options.output ?? (file === "-" ? "-" : file + SUFFIX);
  const destination = output === "-" ? undefined : { path: output, replace: force };
  if (destination === undefined && json) {
    throw new UsageFailure("--json needs the standard output for itself: add -o OUT.");
  }
  if (destination === undefined && io.stdout.isTTY === true) {
    throw new UsageFailure("The standard output is a terminal, and the result is binary: add -o OUT, or redirect it.");
  }

  await using input = await Input.open(file, io);
  if (destination !== undefined) await assertWritable(destination);
  const generated = await withClient(options, io, (client) =>
    client.generateDataKey({
      keyId: key,
      numberOfBytes: DATA_KEY_BYTES,
      ...(Object.keys(context).length > 0 && { encryptionContext: context }),
    }),
  );
  const encryptedBytes = await seal({ input, generated, context, destination }, io);
  if (destination === undefined) return;

  const { keyId, keyVersionId } = generated;
  if (json) await write(io.stdout, `${JSON.stringify({ file: output, keyId, keyVersionId, encryptedBytes })}\n`);
  else await write(io.stderr, `Encrypted ${input.name} under the key ${keyId}: ${output}\n`);
}

interface Sealing {
  readonly input: Input;
  readonly generated: GeneratedDataKey;
  readonly context: EncryptionContext;
  /** The standard output, if not given. */
  readonly destination: Destination | undefined;
}

async function seal({ input, generated, context, destination }: Sealing, io: Io): Promise<number> {
  using progress = new Progress(io, { label: "Encrypting", unit: "bytes", total: input.size });
  const { keyId, keyVersionId, ciphertextBlob, dataKey } = generated;
  input.heed(io.interruption());
  const sealed = sealEnvelope({
    dataKey,
    header: { keyId, keyVersionId, ciphertextBlob, encryptionContext: context },
    source: progress.count(input.steadyBytes()),
  });
  return await (destination === undefined ? writeOut(sealed, io) : writeWhole(destination, sealed));
}
