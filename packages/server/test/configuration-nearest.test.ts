import assert from "node:assert/strict";
import { test } from "node:test";

import { nearest } from "../src/configuration/nearest.ts";

test("finds the word that was meant, and none where nothing is near", () => {
  const words = ["--data", "--database", "--listen", "--admin-listen", "--tls"];
  assert.equal(nearest("--dat", words), "--data");
  assert.equal(nearest("--databse", words), "--database");
  assert.equal(nearest("--lsiten", words), "--listen");
  assert.equal(nearest("--tsl", words), "--tls");
  assert.equal(nearest("--something-else", words), undefined);
  assert.equal(nearest("-".repeat(10_000_000), words), undefined);
});
