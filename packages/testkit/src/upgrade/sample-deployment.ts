import { execFile } from "node:child_process";
import { constants, createPublicKey, publicEncrypt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { CinnabarClient, type CallParameters, type Credentials, ServiceError } from "@cinnabar/client";
import { CINNABAR, checkout, ServerProcess } from "../server-process.ts";
import { SampleApplication } from "./sample-application.ts";

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
  /** Whether to wait until what is counted of the audit log is counted, which a node does once it has been quiet for a minute. */
  readonly untilCounted?: boolean;
}

const QUIET_MILLIS = 65_000;

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
  await first.fillInstance(await createInstance(options, await first.findAccount()), server.endpoint);
  await first.list();
  await other.list();
  if (options.untilCounted === true) await sleep(QUIET_MILLIS);
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
    const brought = await this.#importKey({ Description: "brought along" });
    await this.#call("DisableKey", { KeyId: brought });
    const emptied = await this.#importKey({ Description: "brought along and taken away" });
    await this.#call("DeleteKeyMaterial", { KeyId: emptied });
    await this.#call("SetDeletionProtection", {
      ProtectedResourceArn: await this.#arnOf(archive),
      EnableDeletionProtection: true,
      DeletionProtectionDescription: "kept by law",
    });

    for (const { blob, context } of blobs) {
      if (blob !== undefined) await this.#expect("Decrypt", { CiphertextBlob: blob, EncryptionContext: context });
    }
    for (const KeyId of [reports, archive, retired, brought, emptied]) {
      await this.#expect("DescribeKey", { KeyId });
      await this.#expect("ListAliasesByKeyId", { KeyId });
      await this.#expect("ListResourceTags", { KeyId });
    }
    await this.#expect("DescribeKey", { KeyId: ALIAS });
  }

  /** Notes what is listed, once all is made. */
  async list(): Promise<void> {
    await this.#expect("ListKeys", { PageSize: 100 });
    await this.#expect("ListAliases", { PageSize: 100 });
  }

  /** Has a key of an instance made and used, by an application too, and notes what is to be counted of that. */
  async fillInstance(instance: string, endpoint: URL): Promise<void> {
    const KeyId = await this.#createKey({ Description: "of an instance", DKMSInstanceId: instance });
    const call = this.#call.bind(this);
    const application = await SampleApplication.admit(call, { endpoint, instance, keyId: KeyId });
    await application.call("AdvanceEncrypt", { KeyId, Plaintext: Buffer.from("one") });
    await application.call("AdvanceEncrypt", { KeyId, Plaintext: Buffer.from("another") });
    const { blob } = await this.#encrypt({ KeyId, Plaintext: "of an instance" });
    await this.#expect("DescribeKey", { KeyId });
    this.answers.push({
      caller: this.#caller,
      operation: "GetKeyUsage",
      parameters: { KeyId },
      answer: { Operations: { Operation: [uses("AdvanceEncrypt", 2), uses("Encrypt", 1)] } },
    });
    await this.#expect("Decrypt", { CiphertextBlob: blob });
  }

  /** The id of the caller's account. */
  async findAccount(): Promise<string> {
    const [, , , accountId = ""] = (await this.#arnOf(ALIAS)).split(":");
    return accountId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  async #createKey(parameters: CallParameters): Promise<string> {
    const { KeyMetadata } = (await this.#client.call("CreateKey", parameters)) as { KeyMetadata: { KeyId: string } };
    return KeyMetadata.KeyId;
  }

  async #importKey(parameters: CallParameters): Promise<string> {
    const KeyId = await this.#createKey({ ...parameters, Origin: "EXTERNAL" });
    const wrapping = await this.#client.call("GetParametersForImport", {
      KeyId,
      WrappingAlgorithm: "RSAES_OAEP_SHA_256",
      WrappingKeySpec: "RSA_2048",
    });
    const key = createPublicKey({
      key: Buffer.from(String(wrapping["PublicKey"]), "base64"),
      format: "der",
      type: "spki",
    });
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
    const EncryptedKeyMaterial = publicEncrypt({ key, ...padding }, Buffer.alloc(32, KeyId)).toString("base64");
    await this.#client.call("ImportKeyMaterial", {
      KeyId,
      EncryptedKeyMaterial,
      ImportToken: String(wrapping["ImportToken"]),
    });
    return KeyId;
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

function uses(Name: string, Count: number): object {
  return { Name, Uses: { Count } };
}

async function createInstance(options: SampleOptions, accountId: string): Promise<string> {
  const printed = await cinnabar(options, ["instance", "create", accountId, "--type=software", "--json"]);
  return (JSON.parse(printed) as { instanceId: string }).instanceId;
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
