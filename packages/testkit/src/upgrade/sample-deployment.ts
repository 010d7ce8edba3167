import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CinnabarClient, type CallParameters, type Credentials, ServiceError } from "@cinnabar/client";
import { CINNABAR, checkout, ServerProcess } from "../server-process.ts";

/** Whose call it is. */
type Caller = "first" | "second";

/** A call and what must come back, now and from every later version. */
interface ExpectedAnswer {
  readonly caller: Caller;
  readonly operation: string;
  readonly parameters: CallParameters;
  /** All fields but the id of the request. A later version may add some. */
  readonly answer: Readonly<Record<string, unknown>>;
}

/** What a deployment was filled with, so that any later version can be asked for it. */
export interface Sample {
  /** Time of the clock that it was made by, in milliseconds since 1970. */
  readonly madeAt: number;
  /** An alias and an account that the checks may go on with. */
  readonly alias: string;
  readonly credentials: Readonly<Record<Caller, Credentials>>;
  readonly answers: readonly ExpectedAnswer[];
  /** As `cinnabar audit checkpoint` printed them. */
  readonly checkpoints: string;
}

export interface SampleOptions {
  readonly data: string;
  readonly database?: string;
  /** A directory with the packages to run; this checkout's by default. */
  readonly sources?: string;
  /** SIGTERM lets the server end in order, SIGKILL leaves what a crash leaves. */
  readonly end: "SIGTERM" | "SIGKILL";
}

const CONTEXT = JSON.stringify({ department: "sales", year: "2026" });

/** Has a server make a deployment and fill it with some of everything that it can keep. */
export async function makeSampleDeployment(options: SampleOptions): Promise<Sample> {
  const { data, database, sources } = options;
  await using server = await ServerProcess.start({
    data,
    ...(database !== undefined && { database }),
    ...(sources !== undefined && { sources }),
  });
  const second = await createAccount(options);
  await using first = new SampleWriter("first", server.client());
  await using other = new SampleWriter(
    "second",
    new CinnabarClient({ endpoint: server.endpoint, credentials: second }),
  );
  const madeAt = Date.now();
  await first.fill();
  await other.fill();
  const checkpoints = await cinnabar(options, ["audit", "checkpoint"]);
  const credentials = { first: server.credentials, second };
  if (options.end === "SIGTERM") await server.stop();
  else await server.kill("SIGKILL");
  return { madeAt, alias: ALIAS, credentials, answers: [...first.answers, ...other.answers], checkpoints };
}

const ALIAS = "alias/reports";

/** Makes things as one caller, and notes what is to be answered about them from then on. */
class SampleWriter implements AsyncDisposable {
  readonly answers: ExpectedAnswer[] = [];
  readonly #caller: Caller;
  readonly #client: CinnabarClient;

  constructor(caller: Caller, client: CinnabarClient) {
    this.#caller = caller;
    this.#client = client;
  }

  async fill(): Promise<void> {
    const reports = await this.#createKey({ Description: "quarterly reports" });
    const archive = await this.#createKey({ Description: "archive" });
    const retired = await this.#createKey({ Description: "retired" });
    await this.#call("CreateAlias", { AliasName: ALIAS, KeyId: reports });
    await this.#call("CreateAlias", { AliasName: "alias/moved", KeyId: reports });
    await this.#call("UpdateAlias", { AliasName: "alias/moved", KeyId: archive });
    await this.#call("UpdateKeyDescription", { KeyId: archive, Description: "archive, since 2020" });
    const tags = JSON.stringify([{ TagKey: "team", TagValue: "finance" }]);
    await this.#call("TagResource", { KeyId: reports, Tags: tags });

    const ciphertexts = [
      await this.#encrypt({ KeyId: reports, Plaintext: "no context" }),
      await this.#encrypt({ KeyId: ALIAS, Plaintext: "with context", EncryptionContext: CONTEXT }),
      await this.#encrypt({ KeyId: archive, Plaintext: "ü".repeat(30) }),
    ];
    const blobs = [
      ...ciphertexts,
      { blob: await this.#blobOf("GenerateDataKey", { KeyId: ALIAS }), context: undefined },
      { blob: await this.#blobOf("GenerateDataKeyWithoutPlaintext", { KeyId: archive }), context: undefined },
      {
        blob: await this.#blobOf("ReEncrypt", { CiphertextBlob: ciphertexts[0]?.blob, DestinationKeyId: archive }),
        context: undefined,
      },
    ];
    // Of a key that was to be deleted and is not: a deletion that falls due would end the sample's life.
    await this.#call("ScheduleKeyDeletion", { KeyId: retired, PendingWindowInDays: 7 });
    await this.#call("CancelKeyDeletion", { KeyId: retired });
    await this.#call("DisableKey", { KeyId: retired });
    await this.#call("SetDeletionProtection", {
      ProtectedResourceArn: await this.#arnOf(archive),
      EnableDeletionProtection: true,
      DeletionProtectionDescription: "kept by law",
    });

    for (const { blob, context } of blobs) {
      if (blob !== undefined) await this.#expect("Decrypt", { CiphertextBlob: blob, EncryptionContext: context });
    }
    for (const KeyId of [reports, archive, retired]) {
      await this.#expect("DescribeKey", { KeyId });
      await this.#expect("ListAliasesByKeyId", { KeyId });
      await this.#expect("ListResourceTags", { KeyId });
    }
    await this.#expect("DescribeKey", { KeyId: ALIAS });
    await this.#expect("ListKeys", { PageSize: 100 });
    await this.#expect("ListAliases", { PageSize: 100 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  async #createKey(parameters: CallParameters): Promise<string> {
    const { KeyMetadata } = (await this.#client.call("CreateKey", parameters)) as { KeyMetadata: { KeyId: string } };
    return KeyMetadata.KeyId;
  }

  async #arnOf(KeyId: string): Promise<string> {
    const { KeyMetadata } = (await this.#client.call("DescribeKey", { KeyId })) as { KeyMetadata: { Arn: string } };
    return KeyMetadata.Arn;
  }

  async #encrypt(parameters: CallParameters) {
    return { blob: await this.#blobOf("Encrypt", parameters), context: parameters["EncryptionContext"] };
  }

  async #blobOf(operation: string, parameters: CallParameters): Promise<string | undefined> {
    const answer = await this.#call(operation, parameters);
    const blob = answer?.["CiphertextBlob"];
    return typeof blob === "string" ? blob : undefined;
  }

  async #expect(operation: string, parameters: CallParameters): Promise<void> {
    const result = await this.#call(operation, parameters);
    if (result === undefined) return;
    const { RequestId: _, ...answer } = result;
    this.answers.push({ caller: this.#caller, operation, parameters, answer });
  }

  /** `undefined` if the server does not know the operation yet. */
  async #call(operation: string, parameters: CallParameters): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      return await this.#client.call(operation, parameters);
    } catch (error) {
      if (error instanceof ServiceError && error.code === "InvalidAction.NotFound") return undefined;
      throw error;
    }
  }
}

async function createAccount(options: SampleOptions): Promise<Credentials> {
  const path = join(options.data, "second-access-key.json");
  await cinnabar(options, ["account", "create", `--output=${path}`]);
  const file = JSON.parse(await readFile(path, "utf8")) as { AccessKeyId: string; AccessKeySecret: string };
  return { accessKeyId: file.AccessKeyId, accessKeySecret: file.AccessKeySecret };
}

async function cinnabar({ data, database, sources = checkout }: SampleOptions, command: readonly string[]) {
  const store = [`--data=${data}`, ...(database === undefined ? [] : [`--database=${database}`])];
  return (await promisify(execFile)(process.execPath, [join(sources, CINNABAR), ...command, ...store])).stdout;
}
