import assert from "node:assert/strict";
import { test } from "node:test";
import { authorize } from "../src/operation/authorize.ts";
import { ApiError, ERRORS } from "../src/operation/errors.ts";
import type { AccessRequest } from "../src/operation/operation.ts";
import { OperationRegistry } from "../src/operation/registry.ts";
import { operations, VERSION } from "./support/test-service.ts";

const principal = { type: "root-account", accountId: "1", accessKeyId: "LTAI5t" } as const;
const request = (accountId: string, hiddenAs: AccessRequest["hiddenAs"]): AccessRequest => ({
  action: "kms:Encrypt",
  resource: "acs:kms:::key/x",
  accountId,
  hiddenAs,
});

test("the root of an account may do everything to what is its own", () => {
  authorize(principal, []);
  authorize(principal, [request("1", "Forbidden.KeyNotFound"), request("1", "Forbidden.AliasNotFound")]);
});

test("what is another account's looks as if it did not exist", () => {
  for (const hiddenAs of ["Forbidden.KeyNotFound", "Forbidden.AliasNotFound", "Forbidden.NoPermission"] as const) {
    assert.throws(
      () => authorize(principal, [request("1", "Forbidden.NoPermission"), request("2", hiddenAs)]),
      (error: unknown) => error instanceof ApiError && error.code === hiddenAs,
    );
  }
});

test("an operation is found by version and name, and cannot be declared twice", () => {
  const registry = new OperationRegistry(operations);
  for (const operation of operations) assert.equal(registry.find(VERSION, operation.name), operation);
  assert.equal(registry.find("2015-01-01", "DescribeThing"), undefined);
  for (const name of ["describething", "", "toString", "__proto__"])
    assert.equal(registry.find(VERSION, name), undefined);
  assert.ok(registry.hasVersion(VERSION));
  assert.ok(!registry.hasVersion("2015-01-01"));
  assert.deepEqual(registry.versions, [VERSION]);
  assert.deepEqual(registry.operations, operations);
  assert.throws(() => new OperationRegistry([...operations, ...operations.slice(0, 1)]), RangeError);
});

test("an error has its status and message from the table, unless it says more", () => {
  const error = new ApiError("Rejected.Disabled");
  assert.equal(error.status, 409);
  assert.equal(error.message, ERRORS["Rejected.Disabled"].message);
  assert.equal(new ApiError("InvalidParameter", "More.").message, "More.");
});
