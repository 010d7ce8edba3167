import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { signAcs3, SigningSecret } from "@cinnabar/rpc";
import { SealedOrOpen } from "./support/cinnabar.ts";
import { readFile } from "node:fs/promises";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const EXAMPLE = fileURLToPath(new URL("../../../examples/tracing/opentelemetry.mjs", import.meta.url));
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const SERVER = 2;
const ERROR = 2;

/** A span as OTLP has it in JSON, as far as it is looked at. */
interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number };
}

/** Takes spans as a collector does, over OTLP/HTTP. */
async function startCollector() {
  const spans: ReceivedSpan[] = [];
  const services = new Set<unknown>();
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      const { resourceSpans } = body as {
        resourceSpans: { resource: Pick<ReceivedSpan, "attributes">; scopeSpans: { spans: ReceivedSpan[] }[] }[];
      };
      for (const { resource } of resourceSpans) services.add(attributesOf(resource)["service.name"]);
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans: some }) => some)));
      response.setHeader("Content-Type", "application/json").end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    spans,
    services,
    url: `http://127.0.0.1:${port}`,
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function call(
  url: string,
  data: string,
  request: { action: string; form?: Record<string, string>; traced?: boolean; secret?: string },
) {
  const { action, form = {}, traced = false } = request;
  const key = JSON.parse(await readFile(join(data, "root-access-key.json"), "utf8")) as Record<string, string>;
  const signed = signAcs3({
    protocol: "ACS3-HMAC-SHA256",
    method: "POST",
    host: new URL(url).host,
    action,
    version: "2016-01-20",
    form: new Map(Object.entries(form)),
    accessKeyId: key["AccessKeyId"] ?? "",
    secret: new SigningSecret(request.secret ?? key["AccessKeySecret"] ?? ""),
    nonce: crypto.randomUUID(),
    timestampMillis: Date.now(),
  });
  const response = await fetch(new URL(signed.url, url), {
    method: "POST",
    headers: { ...signed.headers, ...(traced && { traceparent: `00-${TRACE}-${PARENT}-01` }) },
    body: signed.body,
  });
  return (await response.json()) as Record<string, string>;
}

function attributesOf({ attributes }: Pick<ReceivedSpan, "attributes">): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

test("an SDK that is loaded into the server gets a span for each call, its stages and its batch, and no secrets", async (context) => {
  const data = join(await temporaryDirectory(context), "data");
  using collector = await startCollector();
  await using server = await SealedOrOpen.serve([`--data=${data}`], {
    environment: {
      NODE_OPTIONS: `--import=${EXAMPLE}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: "kms",
    },
  });
  const { KeyMetadata } = (await call(server.url, data, { action: "CreateKey" })) as unknown as {
    KeyMetadata: { KeyId: string };
  };
  const form = { KeyId: KeyMetadata.KeyId, Plaintext: "the plaintext", EncryptionContext: '{"name":"the context"}' };
  const encrypted = await call(server.url, data, { action: "Encrypt", form, traced: true });
  const refused = await call(server.url, data, { action: "DescribeKey", form: { KeyId: "nowhere" } });
  const forged = await call(server.url, data, { action: "Encrypt", form, secret: "guessed" });
  const unknown = await call(server.url, data, { action: "NoSuchThing" });
  await call(server.url, data, { action: "DisableKey", form: { KeyId: KeyMetadata.KeyId } });
  assert.equal(await server.stop(), 0, server.output);

  const { spans, services } = collector;
  assert.deepEqual([...services], ["kms"]);
  const spanOf = (answer: Readonly<Record<string, string>>): ReceivedSpan => {
    const found = spans.filter((span) => attributesOf(span)["cinnabar.request_id"] === answer["RequestId"]);
    assert.equal(found.length, 1, `${found.length} spans of ${answer["RequestId"]}`);
    return found[0] as ReceivedSpan;
  };
  const span = spanOf(encrypted);
  const { traceId, parentSpanId, name, kind, status } = span;
  assert.deepEqual([traceId, parentSpanId, name, kind, status?.code ?? 0], [TRACE, PARENT, "Kms/Encrypt", SERVER, 0]);
  assert.deepEqual(attributesOf(span), {
    "rpc.system": "alibaba_cloud_rpc",
    "rpc.service": "Kms",
    "rpc.method": "Encrypt",
    "http.request.method": "POST",
    "http.response.status_code": 200,
    "cinnabar.request_id": encrypted["RequestId"],
  });

  const stages = spans.filter((candidate) => candidate.parentSpanId === span.spanId);
  assert.deepEqual(stages.map((stage) => stage.name).toSorted(), ["authenticate", "commit", "execute"]);
  assert.ok(stages.every((stage) => stage.traceId === TRACE));
  const batches = spans.filter((candidate) => candidate.name === "commit batch");
  const linked = batches.filter(({ links = [] }) => links.some(({ spanId }) => spanId === span.spanId));
  assert.equal(linked.length, 1, "one batch has put the call on record");

  assert.deepEqual(
    [spanOf(refused).name, attributesOf(spanOf(refused))["error.type"], spanOf(refused).status?.code ?? 0],
    ["Kms/DescribeKey", "Forbidden.KeyNotFound", 0],
  );
  // Nobody is proven to have asked for it: not even the operation is told.
  assert.deepEqual(
    [spanOf(forged).name, attributesOf(spanOf(forged))["error.type"]],
    ["unknown", "SignatureDoesNotMatch"],
  );
  assert.deepEqual([spanOf(unknown).name, spanOf(unknown).status?.code === ERROR], ["unknown", false]);

  const text = JSON.stringify(spans);
  const key = JSON.parse(await readFile(join(data, "root-access-key.json"), "utf8")) as Record<string, string>;
  const secrets = [
    "the plaintext",
    "the context",
    KeyMetadata.KeyId,
    key["AccountId"],
    key["AccessKeyId"],
    "NoSuchThing",
  ];
  for (const secret of secrets) assert.ok(!text.includes(secret ?? ""), `${secret} is in a span`);
});
