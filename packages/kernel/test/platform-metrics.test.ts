import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Metrics, Tally } from "../src/platform/index.ts";

async function exposed(metrics: Metrics): Promise<string[]> {
  return (await metrics.expose()).split("\n");
}

function assertLines(lines: readonly string[], expected: readonly string[]): void {
  for (const line of expected) assert.ok(lines.includes(line), `${line} is missing`);
}

test("counts requests by operation and class of status, and their durations in cumulative buckets", async () => {
  using metrics = new Metrics({ now: () => 0 });
  const encrypt = metrics.operation("Encrypt");
  assert.equal(metrics.operation("Encrypt"), encrypt);
  encrypt.answered(200, 0.0005);
  encrypt.answered(200, 0.004);
  encrypt.answered(404, 0.25);
  encrypt.answered(503, 8);
  metrics.operation("Decrypt");
  const lines = await exposed(metrics);
  assertLines(lines, [
    "# TYPE cinnabar_requests_total counter",
    'cinnabar_requests_total{operation="Encrypt",status="2xx"} 2',
    'cinnabar_requests_total{operation="Encrypt",status="4xx"} 1',
    'cinnabar_requests_total{operation="Encrypt",status="5xx"} 1',
    "# TYPE cinnabar_request_duration_seconds histogram",
    'cinnabar_request_duration_seconds_bucket{operation="Encrypt",le="0.0005"} 1',
    'cinnabar_request_duration_seconds_bucket{operation="Encrypt",le="0.0025"} 1',
    'cinnabar_request_duration_seconds_bucket{operation="Encrypt",le="0.005"} 2',
    'cinnabar_request_duration_seconds_bucket{operation="Encrypt",le="2.5"} 3',
    'cinnabar_request_duration_seconds_bucket{operation="Encrypt",le="+Inf"} 4',
    'cinnabar_request_duration_seconds_sum{operation="Encrypt"} 8.2545',
    'cinnabar_request_duration_seconds_count{operation="Encrypt"} 4',
    'cinnabar_request_duration_seconds_count{operation="Decrypt"} 0',
  ]);
  assert.ok(!lines.some((line) => line.startsWith('cinnabar_requests_total{operation="Decrypt"')));
});

test("shows the same totals at every scrape, not what came since the last", async () => {
  using metrics = new Metrics({ now: () => 0 });
  metrics.operation("Encrypt").answered(200, 0.1);
  metrics.checkpoints.add(3);
  const once = await exposed(metrics);
  const twice = await exposed(metrics);
  for (const lines of [once, twice]) {
    assertLines(lines, ['cinnabar_requests_total{operation="Encrypt",status="2xx"} 1', "cinnabar_checkpoints_total 3"]);
  }
});

test("shows batches, retries, refusals, alarms and the nonce table", async () => {
  using metrics = new Metrics({ now: () => 0 });
  metrics.batchEvents.observe(1);
  metrics.batchEvents.observe(600);
  metrics.batchCommitSeconds.observe(0.0004);
  metrics.epochRetries.add();
  metrics.refused("used-nonce");
  metrics.logUnavailable.add(2);
  metrics.tamperedRows.add();
  metrics.watchNonceTable(() => 0.25);
  metrics.checkpointsDelivered.add(2);
  metrics.watchCheckpointDelivery(() => 1.5);
  metrics.watchDroppedLogLines(() => 3);
  assertLines(await exposed(metrics), [
    'cinnabar_batch_events_bucket{le="1"} 1',
    'cinnabar_batch_events_bucket{le="512"} 1',
    'cinnabar_batch_events_bucket{le="+Inf"} 2',
    "cinnabar_batch_events_sum 601",
    'cinnabar_batch_commit_duration_seconds_bucket{le="0.0005"} 1',
    "cinnabar_epoch_retries_total 1",
    'cinnabar_refused_requests_total{reason="used-nonce"} 1',
    'cinnabar_refused_requests_total{reason="bad-signature"} 0',
    "cinnabar_log_unavailable_total 2",
    "cinnabar_tampered_rows_total 1",
    "cinnabar_nonce_table_load_ratio 0.25",
    "cinnabar_checkpoints_delivered_total 2",
    "cinnabar_checkpoint_undelivered_seconds 1.5",
    "cinnabar_log_dropped_lines_total 3",
  ]);
});

test("shows the age of the last sweep, from the start on, so that one that never ends shows too", async () => {
  let now = 1_800_000_000_000;
  using metrics = new Metrics({ now: () => now });
  now += 30_000;
  assertLines(await exposed(metrics), ["cinnabar_sweep_age_seconds 30", "cinnabar_sweep_duration_seconds 0"]);
  metrics.sweepEnded(1.5);
  now += 12_000;
  assertLines(await exposed(metrics), ["cinnabar_sweep_age_seconds 12", "cinnabar_sweep_duration_seconds 1.5"]);
});

test("shows the process and its event loop", async () => {
  using metrics = new Metrics({ now: () => 0 });
  const lines = await exposed(metrics);
  for (const quantile of ["0.5", "0.99", "1"]) {
    const start = `cinnabar_event_loop_delay_seconds{quantile="${quantile}"} `;
    const line = lines.find((candidate) => candidate.startsWith(start));
    assert.ok(Number(line?.slice(start.length)) >= 0);
  }
  const memory = lines.find((line) => line.startsWith("process_resident_memory_bytes "));
  assert.ok(Number(memory?.split(" ")[1]) > 10_000_000);
  assert.ok(lines.some((line) => line.startsWith("process_cpu_seconds_total ")));
  assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
});

test("the delay of an event loop that has nothing to do is not the interval at which it is looked at", async () => {
  using metrics = new Metrics({ now: () => 0 });
  const start = 'cinnabar_event_loop_delay_seconds{quantile="0.5"} ';
  const median = async (): Promise<number> => {
    const line = (await exposed(metrics)).find((candidate) => candidate.startsWith(start));
    return Number(line?.slice(start.length));
  };
  // Other processes may delay it for a while.
  do await sleep(200);
  while ((await median()) >= 0.02);
});

test("keeps the numbers of two servers in one process apart", async () => {
  using one = new Metrics({ now: () => 0 });
  using other = new Metrics({ now: () => 0 });
  one.epochRetries.add();
  assertLines(await exposed(other), ["cinnabar_epoch_retries_total 0"]);
});

test("sorts an observation into the first bucket whose bound it does not exceed", () => {
  const tally = new Tally([1, 2, 4]);
  for (const value of [0, 1, 1.5, 2, 3, 4, 5, 100]) tally.observe(value);
  assert.deepEqual(tally.counts, [2, 2, 2, 2]);
  assert.equal(tally.sum, 116.5);
});
