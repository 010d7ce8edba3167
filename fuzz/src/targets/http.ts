import { createHash, randomUUID } from "node:crypto";
import { formatTimestamp, signAcs3, signAcs4, type SignedRequest, signV1, SigningSecret } from "@cinnabar/rpc";
import { SeededRandom } from "@cinnabar/testkit";
import { mutate } from "../engine/mutate.ts";
import { type TargetDeclaration, Violation } from "../engine/target.ts";
import { checkAnswer } from "../service/answer.ts";
import { exchange } from "../service/connection.ts";
import { type Service, sharedService } from "../service/service.ts";
import { makeWorkingSet } from "../service/working-set.ts";

const LANES = 24;
const VERSION = "2016-01-20";
const SENTINEL = { nonce: "NONCE-NONCE-NONCE", accessKeyId: "ACCESSKEYID", host: "fuzz.example:1" };
const SENTINEL_MILLIS = Date.UTC(2001, 1, 2, 3, 4, 5);

/** Signs one request, anew for each attempt: its time must be now, its nonce unused. */
type Sign = (who: { accessKeyId: string; host: string; nonce: string; timestampMillis: number }) => SignedRequest;

/**
 * Whole requests as bytes on a connection of their own: request line, headers, body, chunks. What they were signed for
 * changes nothing, and nor may they, whatever they are answered.
 */
export const httpTarget: TargetDeclaration = {
  name: "http",
  what: "raw HTTP requests, signed before they are mutated",
  group: "service",
  weight: 80,
  async open() {
    const service = await sharedService();
    const requests = new Requests(service, readingSigners({ service, values: await makeWorkingSet(service) }));
    const before = service.digest();
    let compared = 0;
    return {
      seeds: requests.seeds,
      lanes: LANES,
      attempt: async (input) => (await requests.send(input)).label,
      async endRound() {
        await service.assertSound();
        if (service.digest() !== before) throw new Violation("requests that change nothing have changed the store");
        compared++;
      },
      figures: () => ({ "closed without an answer": requests.silent, "rounds compared": compared }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};

/** The same of requests that were signed to change something, one by one: what is refused must have changed nothing. */
export const httpChangesTarget: TargetDeclaration = {
  name: "http-changes",
  what: "raw HTTP requests that change something, signed before they are mutated",
  group: "service",
  weight: 10,
  async open() {
    const service = await sharedService();
    const requests = new Requests(service, changingSigners({ service, values: await makeWorkingSet(service) }));
    let before = service.digest();
    let compared = 0;
    return {
      seeds: requests.seeds,
      async attempt(input) {
        const { label, isTaken } = await requests.send(input);
        const after = service.digest();
        const hasChanged = after !== before;
        before = after;
        if (isTaken) return label;
        if (hasChanged) throw new Violation(`a request that was refused has changed the store: ${label}`);
        compared++;
        return label;
      },
      endRound: () => service.assertSound(),
      figures: () => ({ "closed without an answer": requests.silent, "refusals compared": compared }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};

/** Signed requests, whole and in chunks, to be mutated. */
class Requests {
  readonly seeds: readonly Buffer[];
  /** How many the server closed without an answer. */
  silent = 0;
  readonly #service: Service;
  readonly #signers: readonly Sign[];

  constructor(service: Service, signers: readonly Sign[]) {
    const whole = signers.map((sign, number) => template(sign, number));
    this.seeds = [...whole, ...whole.map(chunked)];
    this.#service = service;
    this.#signers = signers;
  }

  /** Sends one, and says in few words what it was answered, and whether any of it was taken. */
  async send(input: Uint8Array): Promise<{ label: string; isTaken: boolean }> {
    const request = render(input, { signers: this.#signers, service: this.#service });
    const bytes = this.seeds.some((seed) => seed.equals(input)) ? request : mutateFurther(request, input);
    const answers = await exchange(this.#service.server.endpoint, bytes);
    if (answers.length === 0) this.silent++;
    const checked = answers.map(checkAnswer);
    return {
      label: checked.map(({ code, status }) => code ?? status).join(", ") || "closed without an answer",
      isTaken: checked.some(({ status }) => status === 200),
    };
  }
}

type WorkingSet = Awaited<ReturnType<typeof makeWorkingSet>>;

function readingSigners({ service, values }: { service: Service; values: WorkingSet }): readonly Sign[] {
  const secret = new SigningSecret(service.server.credentials.accessKeySecret);
  const encrypt = new Map([
    ["KeyId", values["@KEY@"]],
    ["Plaintext", "aGVsbG8="],
    ["EncryptionContext", '{"tenant":"acme"}'],
  ]);
  const call = { secret, version: VERSION, method: "POST", action: "Encrypt" } as const;
  return [
    (who) => signV1({ ...who, ...call, form: encrypt }),
    (who) => signAcs3({ ...who, ...call, protocol: "ACS3-HMAC-SHA256", form: encrypt }),
    (who) => signAcs3({ ...who, ...call, protocol: "ACS3-HMAC-SM3", query: encrypt, format: "XML" }),
    (who) => signAcs4({ ...who, ...call, region: "center", product: "Kms", query: encrypt }),
  ];
}

function changingSigners({ service, values }: { service: Service; values: WorkingSet }): readonly Sign[] {
  const secret = new SigningSecret(service.server.credentials.accessKeySecret);
  const disable = new Map([["KeyId", values["@OTHER@"]]]);
  const tag = new Map([
    ["RegionId", "cn-hangzhou"],
    ["ResourceType", "key"],
    ["ResourceId.1", values["@OTHER@"]],
    ["Tag.1.Key", "team"],
    ["Tag.1.Value", "blue"],
  ]);
  const call = { secret, version: VERSION, method: "POST" } as const;
  const acs3 = { ...call, protocol: "ACS3-HMAC-SHA256" } as const;
  return [
    (who) => signV1({ ...who, ...call, method: "GET", action: "DisableKey", query: disable }),
    (who) => signV1({ ...who, ...call, action: "TagResources", query: tag }),
    (who) => signAcs3({ ...who, ...acs3, action: "DisableKey", query: disable }),
    (who) => signAcs3({ ...who, ...acs3, action: "TagResources", form: tag }),
  ];
}

/** A request with placeholders for all that differs from attempt to attempt. */
function template(sign: Sign, number: number): Buffer {
  const request = sign({ ...SENTINEL, timestampMillis: SENTINEL_MILLIS });
  const text = encode(request, SENTINEL.host)
    .toString("latin1")
    .replaceAll(signatureOf(request), `@S${number}@`)
    .replaceAll(SENTINEL.nonce, `@N${number}@`)
    .replaceAll(encodeURIComponent(formatTimestamp(SENTINEL_MILLIS)), `@E${number}@`)
    .replaceAll(formatTimestamp(SENTINEL_MILLIS), `@D${number}@`)
    .replaceAll(dayOf(SENTINEL_MILLIS), `@Y${number}@`)
    .replaceAll(SENTINEL.accessKeyId, "@A@")
    .replaceAll(SENTINEL.host, "@H@");
  return Buffer.from(text, "latin1");
}

/** The same request with its body in chunks. */
function chunked(request: Buffer): Buffer {
  const end = request.indexOf("\r\n\r\n");
  const head = request.toString("latin1", 0, end).replace(/^content-length: [0-9]+$/m, "Transfer-Encoding: chunked");
  const body = request.subarray(end + 4);
  const middle = Math.ceil(body.length / 2);
  const chunks = [body.subarray(0, middle), body.subarray(middle), Buffer.alloc(0)]
    .filter(({ length }, position) => length > 0 || position === 2)
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk.toString("latin1")}\r\n`);
  return Buffer.from(`${head}\r\n\r\n${chunks.join("")}`, "latin1");
}

/** Puts real values in the placeholders' places. */
function render(input: Uint8Array, { signers, service }: { signers: readonly Sign[]; service: Service }): Buffer {
  const { endpoint, credentials } = service.server;
  const { accessKeyId } = credentials;
  let text = Buffer.from(input).toString("latin1").replaceAll("@A@", accessKeyId).replaceAll("@H@", endpoint.host);
  for (const [number, sign] of signers.entries()) {
    if (!text.includes(`${number}@`)) continue;
    const who = { accessKeyId, host: endpoint.host, nonce: randomUUID(), timestampMillis: Date.now() };
    text = text
      .replaceAll(`@S${number}@`, signatureOf(sign(who)))
      .replaceAll(`@N${number}@`, who.nonce)
      .replaceAll(`@E${number}@`, encodeURIComponent(formatTimestamp(who.timestampMillis)))
      .replaceAll(`@D${number}@`, formatTimestamp(who.timestampMillis))
      .replaceAll(`@Y${number}@`, dayOf(who.timestampMillis));
  }
  return Buffer.from(text, "latin1");
}

/** Mutates the real values of some inputs as well, always in the same way. */
function mutateFurther(bytes: Buffer, input: Uint8Array): Buffer {
  const digest = createHash("sha256").update(input).digest();
  if (digest.readUInt8() % 3 !== 0) return bytes;
  return mutate(bytes, { random: new SeededRandom(digest.readUInt32LE(1)), others: [] });
}

function encode({ method, url, headers, body }: SignedRequest, host: string): Buffer {
  const all = {
    Host: host,
    "user-agent": "fuzz",
    accept: "application/json",
    ...headers,
    "content-length": String(body.length),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from(`${[`${method} ${url} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`), body]);
}

/** As it stands in the request. */
function signatureOf({ url, headers }: SignedRequest): string {
  const source = headers["authorization"] ?? url;
  const signature = /Signature=([^&,]+)/.exec(source)?.[1];
  if (signature === undefined) throw new Error("the request has no signature");
  return signature;
}

function dayOf(millis: number): string {
  return formatTimestamp(millis).slice(0, 10).replaceAll("-", "");
}
