import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { RootKey } from "../src/custody/root-key.ts";
import { rowGuardKeys } from "../src/custody/row-guard-keys.ts";
import { addSums, RowGuard, STORED_SUM_BYTES, TamperedRowError } from "../src/store/row-guard.ts";
import { epochSumPlace, shardSumPlace } from "../src/store/sum-places.ts";

const guard = new RowGuard(rowGuardKeys(new RootKey(randomBytes(32))));
const MODULUS = 1n << 512n;
const sums = fc.bigInt({ min: 0n, max: MODULUS - 1n });

test("a sum comes back from the place it was stored in, and is stored differently each time", () => {
  fc.assert(
    fc.property(sums, fc.nat(), fc.nat(), (sum, shard, seq) => {
      const place = shardSumPlace(shard, seq);
      const stored = guard.protectSum(sum, place);
      assert.equal(stored.length, STORED_SUM_BYTES);
      assert.equal(guard.openSum(stored, place), sum);
      assert.notDeepEqual(guard.protectSum(sum, place), stored);
    }),
  );
});

test("a sum is refused in any other place", () => {
  const epoch = { value: 1, tag: randomBytes(16), time: 3, clock_offset: 0, clock_epoch: 0, changes: null };
  const places = [
    shardSumPlace(1, 12),
    shardSumPlace(11, 2),
    shardSumPlace(1, 13),
    shardSumPlace(2, 12),
    epochSumPlace(epoch),
    epochSumPlace({ ...epoch, value: 2 }),
    epochSumPlace({ ...epoch, tag: randomBytes(16) }),
    epochSumPlace({ ...epoch, time: 4 }),
    epochSumPlace({ ...epoch, clock_offset: 1 }),
    epochSumPlace({ ...epoch, clock_epoch: 1 }),
    epochSumPlace({ ...epoch, changes: randomBytes(32) }),
    epochSumPlace({ ...epoch, changes: randomBytes(32) }),
  ];
  for (const made of places) {
    const stored = guard.protectSum(7n, made);
    for (const place of places) {
      if (place !== made) assert.throws(() => guard.openSum(stored, place), TamperedRowError);
    }
  }
});

test("no byte of a stored sum can change, nor its length, nor the keys", () => {
  const place = shardSumPlace(3, 4);
  const stored = guard.protectSum(123456789n, place);
  for (let at = 0; at < stored.length; at++) {
    const changed = Buffer.from(stored);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    assert.throws(() => guard.openSum(changed, place), TamperedRowError);
  }
  assert.throws(() => guard.openSum(stored.subarray(1), place), TamperedRowError);
  assert.throws(() => guard.openSum(Buffer.concat([stored, Buffer.alloc(1)]), place), TamperedRowError);
  assert.throws(() => guard.openSum(new Uint8Array(), place), TamperedRowError);
  const other = new RowGuard(rowGuardKeys(new RootKey(randomBytes(32))));
  assert.throws(() => other.openSum(stored, place), TamperedRowError);
});

test("sums add modulo 2^512 in any order, and what is taken out again leaves nothing", () => {
  fc.assert(
    fc.property(fc.array(sums, { maxLength: 8 }), (terms) => {
      const total = terms.reduce(addSums, 0n);
      assert.equal(total, terms.reduce((sum, term) => sum + term, 0n) % MODULUS);
      assert.equal(
        terms.toReversed().reduce((sum, term) => addSums(sum, -term), total),
        0n,
      );
    }),
  );
});
