import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

const libraries = ["crypto", "policy", "merkle-log", "rpc"];
const products = ["kms", "secrets", "ram", "trail", "sharing"];
const clients = ["client", "encryption-sdk", "gateways"];
const everyPackage = [
  ...libraries,
  "kernel",
  ...products,
  "server",
  ...clients,
  "emulator",
  "cli",
  "console",
  "testkit",
];

/** The whole table of allowed imports, written out a second time on purpose. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  crypto: [],
  policy: [],
  "merkle-log": [],
  rpc: [],
  kernel: ["crypto", "policy", "merkle-log", "rpc"],
  kms: ["crypto", "policy", "merkle-log", "rpc", "kernel"],
  secrets: ["crypto", "policy", "merkle-log", "rpc", "kernel", "kms"],
  ram: ["crypto", "policy", "merkle-log", "rpc", "kernel"],
  trail: ["crypto", "policy", "merkle-log", "rpc", "kernel"],
  sharing: ["crypto", "policy", "merkle-log", "rpc", "kernel", "kms"],
  server: ["crypto", "policy", "merkle-log", "rpc", "kernel", "kms", "secrets", "ram", "trail", "sharing", "client"],
  client: ["rpc", "crypto", "client", "encryption-sdk"],
  "encryption-sdk": ["rpc", "crypto", "client", "encryption-sdk"],
  gateways: ["rpc", "crypto", "client", "encryption-sdk"],
  emulator: [],
  cli: ["rpc", "crypto", "client", "encryption-sdk", "server", "merkle-log"],
};

test("lint refuses every import that the layers do not allow, and no other", async () => {
  const importers = Object.keys(mayImport);
  const pairs = importers.flatMap((importer) => everyPackage.map((imported) => ({ importer, imported })));
  const path = (pair: { importer: string; imported: string }) =>
    `packages/${pair.importer}/src/area/imports-${pair.imported}.ts`;
  const files = Object.fromEntries(
    pairs.map((pair) => [path(pair), `export * from "@cinnabar/${pair.imported}";\n`] as const),
  );

  const refused = await refusedFiles(files, "no-restricted-imports");

  const forbidden = pairs.filter(({ importer, imported }) => mayImport[importer]?.includes(imported) !== true);
  assert.deepEqual(refused, forbidden.map(path).toSorted());
});

test("lint refuses a forbidden import in every form", async () => {
  const files = {
    "packages/kernel/src/value.ts": `import { kms } from "@cinnabar/kms";\nexport const value = kms;\n`,
    "packages/kernel/src/type.ts": `import type { Kms } from "@cinnabar/kms";\nexport type Value = Kms;\n`,
    "packages/kernel/src/dynamic.ts": `export const value = () => import("@cinnabar/kms");\n`,
    "packages/kernel/src/deep.ts": `export * from "@cinnabar/kms/src/index.ts";\n`,
    "packages/kernel/src/relative.ts": `export * from "../../kms/src/index.ts";\n`,
  };
  const allowed = { "packages/kernel/test/own.test.ts": `export * from "../src/index.ts";\n` };

  const refused = await refusedFiles({ ...files, ...allowed }, "no-restricted-imports");

  assert.deepEqual(refused, Object.keys(files).toSorted());
});

test("lint lets only tests, conformance and bench import the testkit", async () => {
  const text = `export * from "@cinnabar/testkit";\n`;
  const refused = await refusedFiles(
    {
      "packages/kms/src/a.ts": text,
      "packages/unheard-of/src/a.ts": text,
      "packages/kms/test/a.test.ts": text,
      "conformance/a.ts": text,
      "bench/a.ts": text,
    },
    "no-restricted-imports",
  );
  assert.deepEqual(refused, ["packages/kms/src/a.ts", "packages/unheard-of/src/a.ts"]);
});

test("lint lets a package without a row in the layers import nothing of ours", async () => {
  const refused = await refusedFiles(
    { "packages/unheard-of/src/a.ts": `export * from "@cinnabar/crypto";\n` },
    "no-restricted-imports",
  );
  assert.deepEqual(refused, ["packages/unheard-of/src/a.ts"]);
});

test("lint lets only the server read the environment", async () => {
  const direct = `export const value = process.env["HOME"];\n`;
  const files = {
    "packages/server/src/configuration.ts": direct,
    "packages/server/test/configuration.test.ts": direct,
    "packages/kernel/src/direct.ts": direct,
    "packages/kernel/src/destructured.ts": `export const { env } = process;\n`,
    "packages/kernel/src/global.ts": `export const value = globalThis.process.env["HOME"];\n`,
    "packages/cli/src/direct.ts": direct,
    "conformance/direct.ts": direct,
  };
  const imported = {
    "packages/kernel/src/imported.ts": `import { env } from "node:process";\nexport const value = env["HOME"];\n`,
  };
  const refused = await refusedFiles({ ...files, ...imported }, "no-restricted-properties");
  assert.deepEqual(
    refused,
    Object.keys(files)
      .filter((path) => path !== "packages/server/src/configuration.ts")
      .toSorted(),
  );
  assert.deepEqual(await refusedFiles(imported, "no-restricted-imports"), Object.keys(imported));
});

test("lint refuses what types alone would let through", async () => {
  const refused = await refusedFiles(
    {
      "packages/kernel/src/floating.ts": `export function start(): void {\n  Promise.resolve(1);\n}\n`,
      "packages/kernel/src/cast.ts": `export const read = (text: string) => JSON.parse(text) as { id: string };\n`,
      "packages/kernel/test/known-safe.test.ts": `import { test } from "node:test";\ntest("passes", () => undefined);\n`,
    },
    undefined,
  );
  assert.deepEqual(refused, ["packages/kernel/src/cast.ts", "packages/kernel/src/floating.ts"]);
});

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
}

/** Lints files in a tree of their own under the project's rules; gives those that break `rule`, or any rule. */
async function refusedFiles(files: Readonly<Record<string, string>>, rule: string | undefined): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), "cinnabar-layers-"));
  try {
    await symlink(join(root, "node_modules"), join(directory, "node_modules"));
    for (const name of ["oxlint.config.ts", "tsconfig.json"]) await cp(join(root, name), join(directory, name));
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    const { diagnostics } = await lint(directory, Object.keys(files));
    const refused = diagnostics
      .filter(({ code }) => rule === undefined || code.endsWith(`(${rule})`))
      .map(({ filename }) => filename);
    return [...new Set(refused)].toSorted();
  } finally {
    await rm(directory, { recursive: true });
  }
}

function lint(directory: string, paths: readonly string[]): Promise<Report> {
  const program = join(root, "node_modules", "oxlint", "bin", "oxlint");
  const args = [program, "--deny-warnings", "--format=json", ...paths];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: directory, maxBuffer: 2 ** 26 }, (error, output, errors) => {
      if (error !== null && error.code !== 1) {
        reject(new Error(`oxlint did not run: ${errors}${output}`, { cause: error }));
        return;
      }
      const report = JSON.parse(output) as Report;
      assert.equal(error !== null, report.diagnostics.length > 0, "oxlint fails exactly if it reports something");
      resolve(report);
    });
  });
}
