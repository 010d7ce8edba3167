import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfiguration } from "../src/configuration/index.ts";
import { OperatorError } from "../src/operator-error.ts";

function load(...argv: string[]) {
  return loadConfiguration({ argv, environment: {}, readFile: () => "{}" });
}

test("an emulator takes the defaults, any address of this machine, and TLS", () => {
  assert.equal(load().emulator, false);
  assert.equal(load("--emulator").emulator, true);
  load("--emulator", "--data=/somewhere", "--listen=[::1]:0", "--admin-listen=localhost:0", "--tls");
  load("--emulator", "--database=sqlite:data/cinnabar.db", "--seal=file");
});

test("an emulator is refused wherever somebody could take it for a server", () => {
  const refusals: readonly (readonly [RegExp, ...string[]])[] = [
    [/other machines can reach --listen 0\.0\.0\.0:80/, "--listen=0.0.0.0:80", "--tls"],
    [/other machines can reach --listen \[::\]:80/, "--listen=[::]:80", "--insecure-http"],
    [/other machines can reach --listen kms\.internal:80/, "--listen=kms.internal:80", "--tls"],
    [/other machines can reach --admin-listen 192\.0\.2\.1:80/, "--admin-listen=192.0.2.1:80"],
    [/never works on PostgreSQL/, "--database=postgres://127.0.0.1/kms"],
    [/its database in its data directory/, "--database=sqlite:/var/lib/cinnabar/cinnabar.db"],
    [/a root key of its own/, "--seal=file:/etc/cinnabar/root.key"],
    [/a root key of its own/, "--seal=passphrase"],
    [/a root key of its own/, "--seal=env:ROOT_KEY"],
    [/names its audit log itself/, "--origin=kms.example.com/log"],
    [/leave --checkpoint-to out/, "--checkpoint-to=/var/log/checkpoints"],
  ];
  for (const [message, ...flags] of refusals) {
    assert.throws(
      () => load("--emulator", ...flags),
      (error) => {
        assert.ok(error instanceof OperatorError);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test("no server's audit log can have a name that begins as an emulator's", () => {
  assert.throws(() => load("--origin=emulator/kms"), /those of emulators/);
  assert.throws(() => load("--emulator", "--origin=emulator/kms"), /those of emulators/);
});
