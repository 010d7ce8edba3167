import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EmulatorError, startEmulator } from "../src/index.ts";
import { call } from "./call.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DAY = 86_400_000;

test("gives a test a service of its own, its time, its faults, and its end", async () => {
  const kms = await startEmulator({ flags: ["--region=ap-southeast-1"] });
  assert.equal(kms.region, "ap-southeast-1");
  assert.match(kms.accountId, /^[0-9]{16}$/);
  const countKeys = async () => (await call(kms, "ListKeys"))["TotalCount"];

  await call(kms, "CreateKey");
  await kms.snapshot("one-key");
  const later = await kms.advance("P1DT1S");
  assert.ok(later.getTime() >= Date.now() + DAY);
  const target = new Date(Date.now() + 30 * DAY);
  assert.deepEqual(await kms.setTime(target), target);
  assert.ok((await kms.time()) >= target);
  await assert.rejects(kms.setTime(new Date(0)), { name: "EmulatorError", message: /never goes back/ });

  const id = await kms.inject({ operation: "CreateKey", calls: 1, effect: { kind: "throttling" } });
  assert.equal(id, 1);
  await assert.rejects(call(kms, "CreateKey"), { code: "Rejected.Throttling", status: 429 });
  await call(kms, "CreateKey");
  assert.equal(await countKeys(), 2);
  const fault = await kms.inject({ effect: { kind: "error", code: "InternalFailure" } });
  await kms.inject({ effect: { kind: "drop", when: "after" } });
  await kms.clearFaults(fault);
  await assert.rejects(call(kms, "ListKeys"), /fetch failed/);
  await kms.clearFaults();
  await assert.rejects(kms.inject({ operation: "NoSuch", effect: { kind: "throttling" } }), EmulatorError);

  await kms.reset("one-key");
  assert.equal(await countKeys(), 1);
  await kms.reset();
  assert.equal(await countKeys(), 0);
  await access(kms.data);
  await kms.stop();
  await kms.stop();
  await assert.rejects(access(kms.data));
  await assert.rejects(call(kms, "ListKeys"));
});

test("keeps the data directory that it was given", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cinnabar-emulator-test-"));
  const data = join(folder, "kms");
  try {
    {
      await using kms = await startEmulator({ data });
      await call(kms, "CreateKey");
    }
    await using again = await startEmulator({ data });
    assert.equal((await call(again, "ListKeys"))["TotalCount"], 1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("says why it did not start", async () => {
  await assert.rejects(startEmulator({ flags: ["--origin=kms.example.com/log"] }), {
    name: "EmulatorError",
    message: /names its audit log itself/,
  });
  await assert.rejects(startEmulator({ command: ["/no/such/program"] }), { name: "EmulatorError" });
});

test("ends with the test that started it, however that one ends", { timeout: 120_000 }, async () => {
  for (const end of ["SIGKILL", "by itself"] as const) {
    const child = spawn(process.execPath, [join(HERE, "forgetful.ts")], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { data, endpoint } = JSON.parse(line.toString()) as { data: string; endpoint: string };
    const exited = once(child, "exit");
    if (end === "SIGKILL") child.kill(end);
    else child.stdin.end();
    await exited;
    while (await isReachable(endpoint)) await new Promise((resolve) => setTimeout(resolve, 20));
    await rm(data, { recursive: true, force: true, maxRetries: 5 });
  }
});

test("works from vitest", { timeout: 120_000 }, async () => {
  const program = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const folder = await mkdtemp(join(tmpdir(), "cinnabar-vitest-"));
  try {
    const report = join(folder, "report.json");
    await promisify(execFile)(
      process.execPath,
      [program, "run", "--root", join(HERE, "vitest"), "--reporter=json", `--outputFile=${report}`],
      { env: { PATH: "/usr/bin:/bin", NO_COLOR: "1" } },
    );
    const { numPassedTests, numTotalTests, success } = JSON.parse(await readFile(report, "utf8")) as {
      numPassedTests: number;
      numTotalTests: number;
      success: boolean;
    };
    assert.deepEqual(
      { numPassedTests, numTotalTests, success },
      { numPassedTests: 2, numTotalTests: 2, success: true },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function isReachable(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    async (response) => {
      await response.text();
      return true;
    },
    () => false,
  );
}
