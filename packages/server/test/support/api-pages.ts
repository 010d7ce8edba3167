import { readFile } from "node:fs/promises";
import type { DeclaredOperation } from "@cinnabar/kernel";
import { removedOperations } from "@cinnabar/kms";
import { INSTANCE_API_VERSION } from "@cinnabar/rpc";

/*
 * What docs/compatibility.md and docs/api/ say, made from the declarations, from what is published (the yardsticks), from the
 * rules of states that the state matrix tries, and from what conformance has called (conformance/exercised.json, which its own
 * test compares with the calls).
 */

interface Published {
  readonly version: string;
  readonly operations: Readonly<Record<string, object>>;
}

interface KeyStates {
  readonly rules: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly operations: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

type Exercised = Readonly<
  Record<string, { readonly answered: readonly string[]; readonly refused: readonly string[] }>
>;

interface Facts {
  readonly operations: readonly DeclaredOperation[];
  readonly keyStates: KeyStates;
  readonly exercised: Exercised;
}

interface Api {
  readonly product: DeclaredOperation["product"];
  readonly version: string;
  readonly title: string;
  /** Of its page in docs/api. */
  readonly file: string;
  /** What is published, if the project keeps a copy. */
  readonly yardstick: string | undefined;
}

const KMS: Api = {
  product: "Kms",
  version: "2016-01-20",
  title: "KMS",
  file: "kms.md",
  yardstick: "kms/yardstick/kms-2016-01-20.json",
};

const OTHERS: readonly Api[] = [
  {
    product: "Ram",
    version: "2015-05-01",
    title: "RAM",
    file: "ram.md",
    yardstick: "ram/yardstick/ram-2015-05-01.json",
  },
  {
    product: "Sts",
    version: "2015-04-01",
    title: "STS",
    file: "sts.md",
    yardstick: "ram/yardstick/sts-2015-04-01.json",
  },
  {
    product: "Actiontrail",
    version: "2020-07-06",
    title: "ActionTrail",
    file: "actiontrail.md",
    yardstick: "trail/yardstick/actiontrail-2020-07-06.json",
  },
  {
    product: "ResourceSharing",
    version: "2020-01-10",
    title: "Resource Sharing",
    file: "resource-sharing.md",
    yardstick: undefined,
  },
];

/** Published operations of KMS that are not served, and why. */
const NOT_SERVED: readonly { readonly names: RegExp; readonly why: string }[] = [
  { names: /Secret|^GetRandomPassword$|ManagedDataKey/, why: "no: there are no secrets yet" },
];

/** Every page, by its path from docs/. */
export async function apiPages(operations: readonly DeclaredOperation[]): Promise<ReadonlyMap<string, string>> {
  const facts: Facts = {
    operations,
    keyStates: await readJson<KeyStates>("kms/yardstick/key-states.json"),
    exercised: await readJson<Exercised>("../conformance/exercised.json"),
  };
  const pages = [KMS, ...OTHERS].map((api) => [`api/${api.file}`, referencePage(api, facts)] as const);
  return new Map([["compatibility.md", await compatibilityPage(facts)], ...pages]);
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../../../${path}`, import.meta.url), "utf8")) as T;
}

const isRefused = ({ summary }: DeclaredOperation): boolean => summary.startsWith("Is refused");

function servedOf({ product, version }: Api, { operations }: Facts): DeclaredOperation[] {
  return operations
    .filter((operation) => operation.product === product && operation.version === version)
    .filter((operation) => !removedOperations.includes(operation) && !isRefused(operation))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function compatibilityPage(facts: Facts): Promise<string> {
  const published = await publishedOf(KMS);
  const declared = new Map(servedOf(KMS, facts).map((operation) => [operation.name, operation]));
  const own = [...declared.keys()].filter((name) => !published.includes(name));
  const served = published.filter((name) => declared.has(name));
  return sections(
    "# What is served",
    "Made from the declarations of the operations, from what Alibaba Cloud publishes, and from what the conformance tests call with the official clients; a test compares this page with them. What every parameter takes and which errors an operation answers is in [docs/api](api/kms.md), and every difference from what is published in [api/differences.md](api/differences.md).",
    `**${served.length} of the ${published.length} operations of KMS 2016-01-20 are served.** “Typed” means that the conformance tests call it by its own method and classes of the npm client \`@alicloud/kms20160120\` 1.2.0, which has 45 operations; “generic” by a call that any operation can be made with, of \`@alicloud/openapi-core\` and \`@alicloud/pop-core\`. The last column names the rule of [the states below](#states-of-keys).`,
    table([
      ["operation", "served", "called by official clients", "states"],
      ...published.map((name) => [
        link(KMS, name, declared.has(name)),
        declared.has(name) ? "yes" : reasonWhyNot(name),
        declared.has(name) ? exercise(KMS, name, facts) : "",
        statesOf(name, facts),
      ]),
    ]),
    `Beside them: ${own.map((name) => link(KMS, name, true)).join(", ")}. UpdateKmsInstance is in no published list, but Terraform calls it; DescribeService is of older clients; the others are Cinnabar's own.`,
    "## States of keys",
    "What an operation answers by the state of the key that it names. A key whose material has expired is `PendingImport`.",
    table([
      ["rule", ...STATES],
      ...Object.entries(facts.keyStates.rules).map(([rule, answers]) => [
        rule,
        ...STATES.map((state) => (answers[state] === "Success" ? "yes" : `\`${answers[state] ?? ""}\``)),
      ]),
    ]),
    "## Operations of applications",
    "By the instance protocol, with client keys; the tests call all of them by hand-made requests, since no official client of it runs on Node. GetSecretValue is refused: there are no secrets yet. See [application-access.md](application-access.md).",
    facts.operations
      .filter(({ version }) => version === INSTANCE_API_VERSION)
      .map(({ name }) => `- ${name}`)
      .toSorted()
      .join("\n"),
    "## Removed by Alibaba Cloud",
    "Older clients still have these. They answer `UnsupportedOperation` to whoever has signed, and say what there is instead.",
    removedList(),
    "## Other products",
    ...(await Promise.all(OTHERS.map((api) => otherProduct(api, facts)))),
  );
}

const STATES = ["Enabled", "Disabled", "PendingDeletion", "PendingImport"];

async function publishedOf({ yardstick }: Api): Promise<string[]> {
  if (yardstick === undefined) return [];
  return Object.keys((await readJson<Published>(yardstick)).operations).toSorted();
}

function reasonWhyNot(name: string): string {
  const found = NOT_SERVED.find(({ names }) => names.test(name));
  if (found === undefined) throw new Error(`${name} is published and not served, and nothing says why`);
  return found.why;
}

function link({ file }: Api, name: string, isServed: boolean): string {
  return isServed ? `[${name}](api/${file}#${name.toLowerCase()})` : name;
}

function exercise({ version }: Api, name: string, { exercised }: Facts): string {
  const { answered = [], refused = [] } = exercised[`${version} ${name}`] ?? {};
  if (answered.includes("typed")) return "typed";
  if (answered.includes("generic")) return "generic";
  if (refused.includes("typed")) return "typed, and refused";
  return refused.includes("generic") ? "generic, and refused" : "no";
}

function statesOf(name: string, { keyStates: { operations } }: Facts): string {
  const found = operations[name];
  if (found === undefined) return "";
  if (typeof found === "string") return found;
  return Object.entries(found)
    .map(([parameter, rule]) => `${rule} (${parameter})`)
    .join(", ");
}

function removedList(): string {
  const bySummary = Map.groupBy(removedOperations, ({ summary }) => summary);
  return [...bySummary]
    .map(([summary, operations]) => {
      const [, instead = ""] = summary.split(/(?<=Alibaba Cloud\.) /);
      return `- ${operations.map(({ name }) => name).join(", ")}. ${instead}`;
    })
    .join("\n");
}

async function otherProduct(api: Api, facts: Facts): Promise<string> {
  const { product, version, title, file } = api;
  const served = servedOf(api, facts);
  const names = served.map(({ name }) => name);
  const published = await publishedOf(api);
  const refused = facts.operations
    .filter((operation) => operation.product === product && operation.version === version && isRefused(operation))
    .map(({ name }) => name);
  const missing = [...new Set([...published.filter((name) => !names.includes(name)), ...refused])].toSorted();
  const total = published.length > 0 ? published.length : names.length + refused.length;
  const counted = published.length > 0 ? names.filter((name) => published.includes(name)).length : names.length;
  const groups = Map.groupBy(names, (name) => exercise(api, name, facts));
  const listed = [...groups]
    .toSorted(([a], [b]) => (a > b ? -1 : 1))
    .map(([how, members]) => `- ${how}: ${members.map((name) => link(api, name, true)).join(", ")}.`);
  return sections(
    `### ${title} ${version}`,
    `${counted} of ${total} operations are served ([reference](api/${file})). By how official clients call them:`,
    listed.join("\n"),
    ...(missing.length === 0 ? [] : [`Not served: ${missing.join(", ")}.`]),
  );
}

function referencePage(api: Api, facts: Facts): string {
  return sections(
    `# ${api.title} ${api.version}`,
    "Every operation that is served, as it is declared. Beside the errors that stand with an operation, all answer those of parameters, signatures, rights and limits.",
    ...servedOf(api, facts).map((operation) => reference(operation, facts)),
  );
}

function reference(operation: DeclaredOperation, facts: Facts): string {
  const { name, summary, parameters, result, errors } = operation;
  const listed = Object.entries(parameters).map(([parameter, { presence, description }]) => {
    const isNeeded = presence === "required" ? ", required" : "";
    return `- \`${parameter}\`${isNeeded}: ${plain(description)}`;
  });
  const answers = Object.keys(result.shape).map((field) => `\`${field}\``);
  const states = operation.product === KMS.product ? statesOf(name, facts) : "";
  return sections(
    `## ${name}`,
    plain(summary),
    ...(listed.length === 0 ? [] : [listed.join("\n")]),
    `Answers ${answers.length === 0 ? "nothing but `RequestId`" : answers.join(", ")}.`,
    ...(errors.length === 0 ? [] : [`Errors: ${errors.map((code) => `\`${code}\``).join(", ")}.`]),
    ...(states === "" ? [] : [`[States](../compatibility.md#states-of-keys): ${states}.`]),
  );
}

/** Text in which nothing is meant as Markdown. */
function plain(text: string): string {
  return text.replaceAll(/[*<_]/g, String.raw`\$&`);
}

function sections(...parts: readonly string[]): string {
  return `${parts.map((part) => part.trimEnd()).join("\n\n")}\n`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
