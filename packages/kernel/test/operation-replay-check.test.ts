import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequest, signInstance, signV1, SigningSecret } from "@cinnabar/rpc";
import { generateKeyPairSync } from "node:crypto";
import { NonceTable } from "../src/index.ts";
import { checkReplay } from "../src/operation/replay-check.ts";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const AT = Date.parse("2026-11-22T11:30:00Z");
const NOW = AT / 1000;

test("an RPC request is taken once", () => {
  const nonces = new NonceTable(1024);
  const secret = new SigningSecret("secret");
  const call = { method: "POST", action: "A", version: "V", accessKeyId: "AK", secret, timestampMillis: AT } as const;
  const request = parseRequest(signV1({ ...call, nonce: "n" }));
  const verdicts = [0, 1, 900].map((later) => checkReplay(nonces, { request, nowSeconds: NOW + later }).verdict);
  assert.deepEqual(verdicts, ["fresh", "used", "used"]);
});

test("one of the instance protocol is taken again for a moment, however wrong its clock is, and then never", () => {
  for (const skew of [-800, 0, 800]) {
    const nonces = new NonceTable(1024);
    const fields = new Map([["Length", 8]]);
    const signed = signInstance({
      apiName: "GenerateRandom",
      clientKeyId: "KAAP.1",
      privateKey,
      fields,
      timestampMillis: AT + skew * 1000,
    });
    const request = parseRequest(signed);
    const verdict = (later: number) => checkReplay(nonces, { request, nowSeconds: NOW + later }).verdict;
    assert.deepEqual([0, 0, 5, 9].map(verdict), ["fresh", "fresh", "fresh", "fresh"], `${skew}`);
    // What was taken again does not count as taken first.
    assert.deepEqual([20, 25, 90].map(verdict), ["used", "used", "used"], `${skew}`);
  }
});
