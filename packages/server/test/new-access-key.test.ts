import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { parseId, UnknownOutcomeError } from "@cinnabar/kernel";
import { AdministrationError, type KeepAccessKey } from "@cinnabar/ram";

import { giveOutAccessKey } from "../src/commands/new-access-key.ts";
import { loadConfiguration } from "../src/configuration/index.ts";
import { OperatorError } from "../src/operator-error.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

const ids = {
  accountId: parseId("Account", "1234567890123456"),
  accessKeyId: parseId("AccessKey", "LTAI5tExampleExampleExam"),
};
const SECRET = "a".repeat(30);

/** Gives out an AccessKey into a file of a data directory; `outcome` is what the store makes of it. */
function give(directory: string, outcome: (keep: KeepAccessKey) => Promise<unknown>): Promise<void> {
  return giveOutAccessKey({
    configuration: loadConfiguration({
      argv: ["--data", directory, "--listen", "127.0.0.1:4711"],
      environment: {},
      readFile: () => "",
    }),
    destination: { file: join(directory, "key.json"), json: false },
    create: async (keep) => {
      await outcome(keep);
      return ids;
    },
    done: () => "Done.",
  });
}

function keepIt(keep: KeepAccessKey): Promise<void> {
  return keep({ ...ids, secret: Buffer.from(SECRET) });
}

test("the credentials are in a file of their own, for their owner alone, before the store knows the key", () =>
  withTemporaryDirectory(async (directory) => {
    const file = join(directory, "key.json");
    await give(directory, async (keep) => {
      await keepIt(keep);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.deepEqual(JSON.parse(await readFile(file, "utf8")), {
        AccountId: ids.accountId,
        AccessKeyId: ids.accessKeyId,
        AccessKeySecret: SECRET,
        Endpoint: "http://127.0.0.1:4711",
      });
    });
    assert.deepEqual(await readdir(directory), ["key.json"]);
  }));

test("where a server has run, the credentials name the address that it was reached at", () =>
  withTemporaryDirectory(async (directory) => {
    const Endpoint = "https://kms.example:8443";
    const root = { AccountId: "1", AccessKeyId: "2", AccessKeySecret: "3", Endpoint };
    await writeFile(join(directory, "root-access-key.json"), JSON.stringify(root));
    await give(directory, keepIt);
    const made = JSON.parse(await readFile(join(directory, "key.json"), "utf8")) as { Endpoint: string };
    assert.equal(made.Endpoint, Endpoint);
  }));

test("what the store refused leaves no file, and what it may have taken leaves the secret", () =>
  withTemporaryDirectory(async (directory) => {
    const refused = new AdministrationError("tooManyAccessKeys", "There are too many.");
    const refuse = async (keep: KeepAccessKey): Promise<void> => {
      await keepIt(keep);
      throw refused;
    };
    await assert.rejects(give(directory, refuse), refused);
    assert.deepEqual(await readdir(directory), []);

    const unknown = new UnknownOutcomeError("no answer");
    const hang = async (keep: KeepAccessKey): Promise<void> => {
      await keepIt(keep);
      throw unknown;
    };
    await assert.rejects(give(directory, hang), unknown);
    assert.match(await readFile(join(directory, "key.json"), "utf8"), new RegExp(SECRET));
  }));

test("a file that is there stays as it is, and no key is made", () =>
  withTemporaryDirectory(async (directory) => {
    const file = join(directory, "key.json");
    await writeFile(file, "something else");
    let isMade = false;
    const make = async (keep: KeepAccessKey): Promise<void> => {
      await keepIt(keep);
      isMade = true;
    };
    await assert.rejects(
      give(directory, make),
      (error) => error instanceof OperatorError && error.message.includes("there is a file of that name already"),
    );
    assert.equal(isMade, false);
    assert.equal(await readFile(file, "utf8"), "something else");
  }));
