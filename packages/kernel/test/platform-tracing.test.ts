import assert from "node:assert/strict";
import { test } from "node:test";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { findTracing } from "../src/platform/index.ts";
import { Tracing } from "../src/platform/tracing.ts";

test("a process without an SDK is not traced", async () => {
  assert.equal(await findTracing(), undefined);
});

test("a call's stages end with it, whatever it comes to, and a failure of the server's is one", async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  try {
    const tracing = new Tracing(provider.getTracer("test"));
    const call = tracing.begin({ requestId: "0F2B6C1E", headers: { traceparent: "nonsense" }, method: "POST" });
    call.stage("authenticate");
    call.stage("execute");
    call.answered({ httpStatus: 503, errorCode: "ServiceUnavailableTemporary", operation: undefined });
    tracing.committed({ events: 2, millis: 5, calls: [call, undefined] });
    const [authenticate, execute, span, batch, ...more] = exporter.getFinishedSpans();
    assert.equal(more.length, 0);
    assert.deepEqual([authenticate?.name, execute?.name], ["authenticate", "execute"]);
    assert.equal(execute?.parentSpanContext?.spanId, span?.spanContext().spanId);
    assert.deepEqual([span?.name, span?.status.code], ["unknown", 2]);
    assert.deepEqual(span?.attributes, {
      "rpc.system": "alibaba_cloud_rpc",
      "http.request.method": "POST",
      "http.response.status_code": 503,
      "error.type": "ServiceUnavailableTemporary",
      "cinnabar.request_id": "0F2B6C1E",
    });
    assert.deepEqual(
      batch?.links.map(({ context }) => context.spanId),
      [span?.spanContext().spanId],
    );
    assert.equal(batch?.attributes["cinnabar.batch.events"], 2);
  } finally {
    await provider.shutdown();
  }
});
