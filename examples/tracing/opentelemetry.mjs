// Sends Cinnabar's spans to an OpenTelemetry collector. Loaded into the server before it starts:
//
//   NODE_OPTIONS="--import=$PWD/examples/tracing/opentelemetry.mjs" \
//   OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_SERVICE_NAME=cinnabar \
//   npm start -- --data data
//
// Needs the packages that are imported here, which a clone has.
import { isMainThread } from "node:worker_threads";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-node";

// Node loads this file in the server's helper threads too, where there is nothing to trace.
if (isMainThread) {
  const sampled = new TraceIdRatioBasedSampler(Number(process.env.OTEL_TRACES_SAMPLER_ARG ?? 1));
  const provider = new NodeTracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
    resource: defaultResource().merge(detectResources({ detectors: [envDetector] })),
    // A caller's header says whether its trace is sampled. Where strangers can call, let them not decide how much you
    // store: replace this by `sampled` alone.
    sampler: new ParentBasedSampler({ root: sampled }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  // What is left is sent before the process ends.
  process.once("beforeExit", () => void provider.shutdown());
}
