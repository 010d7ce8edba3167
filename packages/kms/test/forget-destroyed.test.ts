import assert from "node:assert/strict";
import { test } from "node:test";
import { type Keystore, newKeyVersionId, SoftwareKeystore } from "@cinnabar/kernel";
import { forgetDestroyed } from "@cinnabar/kms";

/** Says what it was told to forget. */
class ForgetfulKeystore extends SoftwareKeystore implements Keystore {
  readonly forgotten: string[] = [];
  override forget(versionId: Parameters<Keystore["forget"]>[0]): void {
    this.forgotten.push(versionId);
  }
  override forgetAll(): void {
    this.forgotten.push("all");
  }
}

test("a version that changed is forgotten by the keystore, and a key that changed is not", () => {
  const keystore = new ForgetfulKeystore();
  const listener = forgetDestroyed(keystore);
  const versionId = newKeyVersionId();
  listener.changed("key", versionId);
  listener.changed("alias", "1234567890123456/alias/one");
  assert.deepEqual(keystore.forgotten, []);
  listener.changed("key-version", versionId);
  listener.everythingChanged();
  assert.deepEqual(keystore.forgotten, [versionId, "all"]);
});
