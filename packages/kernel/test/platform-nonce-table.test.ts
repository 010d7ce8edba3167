import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import * as fc from "fast-check";

import { DEFAULT_NONCE_SLOTS, NONCE_LIFETIME_SECONDS, nonceDigest, NonceTable } from "../src/platform/index.ts";

const NOW = 1_800_000_000;

function digest(i: number): Buffer {
  return createHash("sha256").update(String(i)).digest();
}

test("calls a nonce fresh once, and used until the second it expires in is over", () => {
  const table = new NonceTable(1024);
  const use = { digest: digest(1), expiresAtSeconds: NOW + 900 };
  assert.equal(table.check({ ...use, nowSeconds: NOW }), "fresh");
  assert.equal(table.check({ ...use, nowSeconds: NOW }), "used");
  assert.equal(table.check({ ...use, nowSeconds: NOW + 900 }), "used");
  assert.equal(table.check({ ...use, expiresAtSeconds: NOW + 1801, nowSeconds: NOW + 901 }), "fresh");
});

test("goes by the nonce and not by the time sent with it", () => {
  const table = new NonceTable(1024);
  assert.equal(table.check({ digest: digest(1), expiresAtSeconds: NOW + 900, nowSeconds: NOW }), "fresh");
  assert.equal(table.check({ digest: digest(1), expiresAtSeconds: NOW + 1000, nowSeconds: NOW }), "used");
  assert.equal(table.check({ digest: digest(2), expiresAtSeconds: NOW + 900, nowSeconds: NOW }), "fresh");
});

test("does not let a clock that goes back shorten what was promised", () => {
  const table = new NonceTable(1024);
  assert.equal(table.check({ digest: digest(1), expiresAtSeconds: NOW + 10, nowSeconds: NOW + 5 }), "fresh");
  assert.equal(table.check({ digest: digest(2), expiresAtSeconds: NOW, nowSeconds: NOW }), "fresh");
  assert.equal(table.check({ digest: digest(2), expiresAtSeconds: NOW, nowSeconds: NOW + 5 }), "used");
  assert.equal(table.check({ digest: digest(1), expiresAtSeconds: NOW + 10, nowSeconds: NOW }), "used");
});

test("refuses to be asked to keep a nonce for more than 30 minutes", () => {
  const table = new NonceTable(1024);
  const use = { digest: digest(1), nowSeconds: NOW };
  assert.equal(table.check({ ...use, expiresAtSeconds: NOW + NONCE_LIFETIME_SECONDS }), "fresh");
  assert.throws(() => table.check({ ...use, expiresAtSeconds: NOW + NONCE_LIFETIME_SECONDS + 1 }), RangeError);
});

test("agrees with a map over any course of time, through many turns of its 16-bit clock", () => {
  const step = fc.record({
    // Mostly small steps, sometimes just short of, at, or beyond a turn of the clock (65,535 s) and of the ring.
    elapsed: fc.oneof(
      { weight: 8, arbitrary: fc.nat(3) },
      { weight: 3, arbitrary: fc.nat(2100) },
      { weight: 1, arbitrary: fc.integer({ min: 65_535 - 1900, max: 65_535 + 5 }) },
    ),
    nonce: fc.nat(40),
    lifetime: fc.oneof(fc.nat(5), fc.nat(NONCE_LIFETIME_SECONDS)),
  });
  fc.assert(
    fc.property(fc.nat(70_000), fc.array(step, { minLength: 1, maxLength: 150 }), (start, steps) => {
      const table = new NonceTable(1024);
      const model = new Map<number, number>();
      let now = NOW + start;
      for (const { elapsed, nonce, lifetime } of steps) {
        now += elapsed;
        for (const [known, until] of model) if (until < now) model.delete(known);
        const expected = model.has(nonce) ? "used" : "fresh";
        assert.equal(
          table.check({ digest: digest(nonce), expiresAtSeconds: now + lifetime, nowSeconds: now }),
          expected,
        );
        if (expected === "fresh") model.set(nonce, now + lifetime);
        assert.equal(Math.round(table.load * 1024), model.size);
      }
    }),
    { numRuns: 300 },
  );
});

test("forgets expired nonces before its clock comes round, while others keep it busy", () => {
  const table = new NonceTable(1024);
  for (let i = 0; i < 300; i++) {
    assert.equal(table.check({ digest: digest(i), expiresAtSeconds: NOW + 60, nowSeconds: NOW }), "fresh");
  }
  // A visitor every 20 minutes, so that the table is never empty and never given back as a whole.
  for (let now = NOW; now < NOW + 65_535; now += 1200) {
    assert.equal(table.check({ digest: digest(now), expiresAtSeconds: now + 1800, nowSeconds: now }), "fresh");
  }
  for (let i = 0; i < 300; i++) {
    const again = { digest: digest(i), expiresAtSeconds: NOW + 65_535 + 60, nowSeconds: NOW + 65_535 };
    assert.equal(table.check(again), "fresh");
  }
});

test("answers full at four fifths rather than forget, and takes nonces again once others have expired", () => {
  const slots = 8192;
  const table = new NonceTable(slots);
  let taken = 0;
  while (
    table.check({ digest: digest(taken), expiresAtSeconds: NOW + 60 + (taken % 2), nowSeconds: NOW }) === "fresh"
  ) {
    taken++;
  }
  assert.equal(taken, Math.ceil(slots * 0.8));
  for (let i = 0; i < taken; i++) {
    assert.equal(table.check({ digest: digest(i), expiresAtSeconds: NOW + 60, nowSeconds: NOW }), "used");
  }
  const late = { digest: digest(taken), expiresAtSeconds: NOW + 900 };
  assert.equal(table.check({ ...late, nowSeconds: NOW + 60 }), "full");
  assert.equal(table.check({ ...late, nowSeconds: NOW + 61 }), "fresh");
  assert.ok(table.load > 0.39 && table.load < 0.41);
});

test("stays usable at its highest load while nonces come and go", () => {
  const slots = 8192;
  const table = new NonceTable(slots);
  const perSecond = Math.floor((slots * 0.79) / 60);
  let i = 0;
  for (let now = NOW; now < NOW + 240; now++) {
    for (let n = 0; n < perSecond; n++) {
      assert.equal(table.check({ digest: digest(i++), expiresAtSeconds: now + 59, nowSeconds: now }), "fresh");
    }
  }
});

test("takes no memory for slots never used", () => {
  const before = process.memoryUsage.rss();
  const table = new NonceTable();
  assert.equal(table.check({ digest: digest(1), expiresAtSeconds: NOW + 900, nowSeconds: NOW }), "fresh");
  // A visit to every slot by the sweep: only reads, so the pages stay the system's shared zero page.
  for (let now = NOW; now < NOW + 18_000; now += 900) {
    assert.equal(table.check({ digest: digest(now), expiresAtSeconds: now + 1800, nowSeconds: now }), "fresh");
  }
  assert.ok(process.memoryUsage.rss() - before < (DEFAULT_NONCE_SLOTS * 10) / 4);
});

test("identifies a use by the AccessKey id and the nonce, told apart by a zero byte", () => {
  const expected = createHash("sha256").update("LTAI5t\0n-1").digest();
  assert.deepEqual(nonceDigest({ accessKeyId: "LTAI5t", nonce: "n-1" }), expected);
  assert.notDeepEqual(nonceDigest({ accessKeyId: "LTAI5", nonce: "tn-1" }), expected);
});

test("refuses a number of slots that is not a power of two in range", () => {
  for (const slots of [0, 512, 1025, 2 ** 29, Number.NaN]) assert.throws(() => new NonceTable(slots), RangeError);
});
