import { defineConfig, type OxlintOverride } from "oxlint";

const libraries = ["crypto", "policy", "merkle-log", "rpc"];
const products = ["kms", "secrets", "ram", "trail", "sharing"];
const beneathServer = [...libraries, "kernel", ...products];
const clients = ["rpc", "crypto", "client", "encryption-sdk"];

/**
 * Which packages of ours the sources of each package may import; what is not listed is forbidden. Its tests may also
 * import the package by its own name, and the testkit.
 */
const layers: Readonly<Record<string, readonly string[]>> = {
  crypto: [],
  policy: [],
  "merkle-log": [],
  rpc: [],
  kernel: libraries,
  kms: [...libraries, "kernel"],
  secrets: [...libraries, "kernel", "kms"],
  ram: [...libraries, "kernel"],
  trail: [...libraries, "kernel"],
  sharing: [...libraries, "kernel", "kms"],
  // The client, to reach the service that another KMS as seal is.
  server: [...beneathServer, "client"],
  client: clients,
  "encryption-sdk": clients,
  gateways: clients,
  cli: [...clients, "server", "merkle-log"],
  console: ["client"],
  // Starts the command as a process, and imports nothing.
  emulator: [],
  "hsm-pkcs11": [...libraries, "kernel"],
  testkit: [...beneathServer, "server", "client"],
};

const throughItsIndex = "Import another package by its name, through its index.";
const onlyServerReadsTheEnvironment = "Only packages/server/src reads the environment; pass the value in.";

interface Area {
  readonly files: string[];
  /** The subject of the message. */
  readonly who: string;
  readonly allowed: readonly string[];
  readonly readsEnvironment?: boolean;
}

function restrictImports({ files, who, allowed, readsEnvironment = false }: Area): OxlintOverride {
  const environment = ["node:process", "process"].map((name) => ({
    name,
    importNames: ["env", "default"],
    message: onlyServerReadsTheEnvironment,
  }));
  const patterns = [
    {
      group: ["@cinnabar/*", ...allowed.map((name) => `!@cinnabar/${name}`)],
      message: `${who} may not import this package: see the layers in CONTRIBUTING.md.`,
    },
    {
      // A start is waited for: what serves has an entry of its own, and so has what it begins with, since the index brings
      // everything.
      group: [
        "@cinnabar/*/**",
        "!@cinnabar/server/serve",
        "!@cinnabar/server/early-start",
        "!@cinnabar/server/terminal-text",
        "!@cinnabar/kernel/sqlite-threads",
      ],
      message: throughItsIndex,
    },
    {
      regex: String.raw`^(\.\./)+[a-z0-9-]+(/[a-z0-9-]+)*/(src|test)/`,
      message: throughItsIndex,
    },
  ];
  return {
    files,
    rules: { "no-restricted-imports": ["error", { patterns, paths: readsEnvironment ? [] : environment }] },
  };
}

// A later entry replaces an earlier one for the same file.
const layerOverrides = [
  restrictImports({ files: ["packages/**"], who: "A package without a row in the layers", allowed: [] }),
  ...Object.entries(layers).flatMap(([name, allowed]) => [
    restrictImports({
      files: [`packages/${name}/**`],
      who: `packages/${name}`,
      allowed,
      readsEnvironment: name === "server",
    }),
    restrictImports({
      files: [`packages/${name}/test/**`],
      who: `A test of packages/${name}`,
      allowed: [...allowed, name, "testkit"],
    }),
  ]),
  restrictImports({
    files: ["conformance/**", "bench/**", "fuzz/**"],
    who: "Conformance tests, benchmarks and fuzz tests",
    allowed: Object.keys(layers),
  }),
];

export default defineConfig({
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "node"],
  options: { typeAware: true, reportUnusedDisableDirectives: "error" },
  categories: { correctness: "error", suspicious: "error" },
  env: { node: true, es2024: true },
  ignorePatterns: ["**/vectors/**"],
  rules: {
    eqeqeq: "error",
    "no-var": "error",
    "prefer-const": "error",
    "no-console": "error",
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "no-restricted-properties": [
      "error",
      { object: "process", property: "env", message: onlyServerReadsTheEnvironment },
      { object: "globalThis", property: "process", message: "Use process itself." },
    ],
    "typescript/ban-ts-comment": "error",
    "typescript/no-deprecated": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": [
      "error",
      {
        // Their promises settle with the run; node:test itself reports a failure.
        allowForKnownSafeCalls: [{ from: "package", name: ["test", "describe", "suite", "it"], package: "node:test" }],
      },
    ],
    "typescript/no-misused-promises": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/no-unsafe-argument": "error",
    "typescript/no-unsafe-assignment": "error",
    "typescript/no-unsafe-call": "error",
    "typescript/no-unsafe-function-type": "error",
    "typescript/no-unsafe-member-access": "error",
    "typescript/no-unsafe-return": "error",
    "typescript/no-unsafe-type-assertion": "error",
    "typescript/only-throw-error": "error",
    "typescript/prefer-nullish-coalescing": "error",
    "typescript/prefer-promise-reject-errors": "error",
    "typescript/prefer-readonly": "error",
    "typescript/restrict-plus-operands": "error",
    "typescript/return-await": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    "typescript/use-unknown-in-catch-callback-variable": "error",

    // tsc sees a missing return; the rule also refuses early returns from functions that give nothing.
    "typescript/consistent-return": "off",
    // Shadowing and small local functions are often the clearest way to write it.
    "no-shadow": "off",
    "unicorn/consistent-function-scoping": "off",
    // Packages made for CommonJS offer the same names both ways.
    "import/no-named-as-default-member": "off",
    // A program's entry imports for effect.
    "import/no-unassigned-import": "off",
    // The rule knows the DOM only.
    "unicorn/require-post-message-target-origin": "off",
  },
  overrides: [
    {
      files: ["packages/*/test/**", "conformance/**", "bench/**", "fuzz/**", "packages/testkit/**", "scripts/**"],
      rules: { "typescript/no-unsafe-type-assertion": "off", "typescript/no-non-null-assertion": "off" },
    },
    {
      files: ["packages/cli/**", "bench/**", "scripts/**"],
      rules: { "no-console": "off" },
    },
    {
      // Plain JavaScript for users to copy, on clients without types.
      files: ["examples/**"],
      rules: {
        "no-console": "off",
        "no-restricted-properties": "off",
        "typescript/no-unsafe-argument": "off",
        "typescript/no-unsafe-assignment": "off",
        "typescript/no-unsafe-call": "off",
        "typescript/no-unsafe-member-access": "off",
        "typescript/no-unsafe-return": "off",
      },
    },
    {
      files: ["packages/server/src/**", "scripts/**"],
      rules: { "no-restricted-properties": "off" },
    },
    {
      files: ["*.config.ts"],
      rules: { "import/no-default-export": "off" },
    },
    ...layerOverrides,
  ],
});
