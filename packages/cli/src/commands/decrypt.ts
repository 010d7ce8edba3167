import type { EncryptionContext } from "@cinnabar/client";
import { DATA_KEY_BYTES, openEnvelope } from "../envelope/envelope.ts";
import { EnvelopeError } from "../envelope/envelope-error.ts";
import type { EnvelopeHeader } from "../envelope/header.ts";
import { Failure, UsageFailure } from "../failure.ts";
import { Input } from "../input.ts";
import { type Io, write } from "../io.ts";
import { assertWritable, type Destination, writeVerified, writeWhole } from "../output.ts";
import { Progress } from "../progress.ts";
import { type ServiceOptions, withClient } from "../service.ts";
import { SUFFIX } from "../suffix.ts";

export interface DecryptOptions extends ServiceOptions {
  readonly output?: string;
  /** What the file's encryption context must have. */
  readonly context?: EncryptionContext;
  readonly force?: true;
  readonly json?: true;
}

/** `cinnabar decrypt FILE` */
export async function decrypt(file: string, options: DecryptOptions, io: Io): Promise<void> {
  const { force = false, json = false } = options;
  const output = options.output ?? defaultOutput(file);
  const destination = output === "-" ? undefined : { path: output, replace: force };
  if (destination === undefined && json) {
    throw new UsageFailure("--json needs the standard output for itself: add -o OUT.");
  }

  await using input = await Input.open(file, io);
  if (destination !== undefined) await assertWritable(destination);
  const { header, decryptedBytes } = await open({ input, destination, options }, io);
  if (destination === undefined) return;

  const { keyId, keyVersionId, encryptionContext } = header;
  const report = { file: output, keyId, keyVersionId, encryptionContext, decryptedBytes };
  if (json) await write(io.stdout, `${JSON.stringify(report)}\n`);
  else await write(io.stderr, `Decrypted ${input.name} with the key ${keyId}: ${output}\n`);
}

function defaultOutput(file: string): string {
  const output = file.slice(0, -SUFFIX.length);
  if (!file.endsWith(SUFFIX) || output === "" || output.endsWith("/")) {
    throw new UsageFailure(`The result's name cannot be told from ${file}: add -o OUT.`);
  }
  return output;
}

interface Opening {
  readonly input: Input;
  readonly destination: Destination | undefined;
  readonly options: DecryptOptions;
}

async function open(
  { input, destination, options }: Opening,
  io: Io,
): Promise<{ header: EnvelopeHeader; decryptedBytes: number }> {
  using progress = new Progress(io, { label: "Decrypting", unit: "bytes", total: input.size });
  try {
    const { header, plaintext } = await openEnvelope(progress.count(input.bytes()), async (header) => {
      assertContext(header, options.context ?? {});
      return unwrap(header, options, io);
    });
    input.heed(io.interruption());
    const decryptedBytes = await (destination === undefined
      ? writeVerified(plaintext, io)
      : writeWhole(destination, plaintext));
    return { header, decryptedBytes };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    throw new Failure(`${input.name} ${error.message}. Nothing was written.`, { cause: error });
  }
}

/** Has the service decrypt the data key. The caller clears it. */
async function unwrap(header: EnvelopeHeader, options: ServiceOptions, io: Io): Promise<Uint8Array> {
  const { ciphertextBlob, encryptionContext } = header;
  const { plaintext } = await withClient(options, io, (client) =>
    client.decrypt({ ciphertextBlob, ...(Object.keys(encryptionContext).length > 0 && { encryptionContext }) }),
  );
  const dataKey = Buffer.from(plaintext, "base64");
  if (dataKey.length !== DATA_KEY_BYTES || dataKey.toString("base64") !== plaintext) {
    dataKey.fill(0);
    throw new EnvelopeError("was altered or damaged: its header holds something other than a data key");
  }
  return dataKey;
}

function assertContext({ encryptionContext }: EnvelopeHeader, expected: EncryptionContext): void {
  for (const [name, value] of Object.entries(expected)) {
    if (!Object.hasOwn(encryptionContext, name) || encryptionContext[name] !== value) {
      throw new EnvelopeError(`was not encrypted with ${name}=${value} in its context`);
    }
  }
}
