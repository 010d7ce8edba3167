import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import { type AnswerFormat, signAcs4, type SignedRequest, signV1, SigningSecret } from "@cinnabar/rpc";
import { z } from "zod";
import { openCustody } from "../../src/custody/custody.ts";
import { DeploymentKeys } from "../../src/custody/deployment-keys.ts";
import { SoftwareKeystore } from "../../src/custody/software-keystore.ts";
import type { Authorizer } from "../../src/operation/authorizer.ts";
import { ApiError } from "../../src/operation/errors.ts";
import { type AccessRequest, type DeclaredOperation, defineOperation } from "../../src/operation/operation.ts";
import { optional, optionalMap, required } from "../../src/operation/parameter.ts";
import type { Authenticator } from "../../src/operation/authenticator.ts";
import { Pipeline } from "../../src/operation/pipeline.ts";
import { PrerequisiteError } from "../../src/operation/prerequisite.ts";
import { type Principal, rootPrincipal } from "../../src/operation/principal.ts";
import { OncePerCall } from "../../src/operation/slow-work.ts";
import { OperationRegistry } from "../../src/operation/registry.ts";
import type { Throttle } from "../../src/operation/throttle.ts";
import { createLogger } from "../../src/platform/logging.ts";
import { Metrics } from "../../src/platform/metrics.ts";
import { NonceTable } from "../../src/platform/nonce-table.ts";
import { SecurityLog } from "../../src/platform/security-log.ts";
import type { EntityFinder } from "../../src/store/entity-cache.ts";
import { TamperedRowError } from "../../src/store/row-guard.ts";
import type { TestDeployment, TestProcess } from "./deployment.ts";
import { type Thing, thingKind, thingRow, type ThingSchema, thingTable } from "./thing.ts";

export const VERSION = "2016-01-20";
export const ACCOUNT = "1234567890123456";
export const ACCESS_KEY_ID = "LTAI5tTEST";
const HOST = "kms.test";
const SECRET = "a-secret-that-nobody-logs";

const KNOWN = "Forbidden.KeyNotFound";
const declared = {
  product: "Kms",
  version: VERSION,
  summary: "For tests.",
  result: z.object({}),
  recordedResult: ["Count"],
  errors: [],
} as const;
const id = required({ schema: z.string().max(40, "It has at most 40 characters."), description: "Which." });

async function findThing(finder: EntityFinder, id: string): Promise<Thing> {
  const thing = await finder.find(thingKind, id);
  if (thing === undefined) throw new ApiError(KNOWN);
  return thing;
}

function rightOn(action: string, { row }: Thing): AccessRequest {
  return { action, resource: `acs:test:::${row.id}`, accountId: row.owner, hiddenAs: KNOWN };
}

function onThing(action: string, thing: Thing): AccessRequest[] {
  return [rightOn(action, thing)];
}

/** What a call of SearchThings waits for, by its Id. */
export const searches = new Map<string, Promise<void>>();

/** Why IntroduceMyself cannot tell who nobody is, the same for all who ask. */
const AWAY = new Error("the provider is away");

/** What a call of FetchThing makes where it is missing, unless the ground is barren. */
const plantThing = defineOperation({
  ...declared,
  name: "PlantThing",
  kind: "control",
  readWrite: "Write",
  parameters: { Id: id },
  async target(context, { Id }) {
    if ((await context.find(thingKind, Id)) !== undefined) throw new ApiError("AliasAlreadyExists");
  },
  access: () => [],
  handle(context, { Id }) {
    if (Id === "barren") throw new ApiError("Rejected.Disabled");
    const row = thingRow(Id, { owner: context.principal.accountId });
    context.about("ACS::Test::Thing", Id);
    return {
      result: { Id },
      changes: [thingTable.insert(context.guard, context.db, row)],
      touched: [{ kind: thingKind, id: Id }],
    };
  },
});

/** A tiny API with an operation of every kind. A thing whose note is `locked` cannot be changed. */
export const operations: readonly DeclaredOperation[] = [
  defineOperation({
    ...declared,
    name: "DescribeThing",
    kind: "read",
    readWrite: "Read",
    parameters: {
      Id: id,
      Plaintext: optional({ schema: z.string(), audit: "omit", description: "A secret." }),
      Comment: optional({ schema: z.string(), description: "Any text." }),
      Context: optionalMap({ schema: z.map(z.string(), z.string()), description: "Any map." }),
      Hidden: optionalMap({ schema: z.map(z.string(), z.string()), audit: "omit", description: "A secret map." }),
    },
    target: (context, { Id }) => findThing(context, Id),
    access: (_, thing) => onThing("test:DescribeThing", thing),
    handle(context, { Id }, { row, revision }) {
      context.note({ thingRevision: revision });
      context.about("ACS::Test::Thing", Id);
      return { result: { Id, Count: row.count, Secret: "not for the record" } };
    },
  }),
  defineOperation({
    ...declared,
    name: "FetchThing",
    kind: "crypto",
    readWrite: "Read",
    parameters: { Id: id },
    async target(context, { Id }) {
      const thing = await context.find(thingKind, Id);
      if (thing !== undefined) return thing;
      throw new PrerequisiteError(KNOWN, { operation: plantThing, parameters: new Map([["Id", Id]]) });
    },
    access: (_, thing) => onThing("test:FetchThing", thing),
    handle: (_context, { Id }) => ({ result: { Id } }),
  }),
  defineOperation({
    ...declared,
    name: "ListThings",
    kind: "read",
    readWrite: "Read",
    parameters: {},
    target: () => undefined,
    access: () => [],
    async handle(context) {
      const rows = await context.db.$extendTables<ThingSchema>().selectFrom("thing").select("count").execute();
      return { result: { Count: rows.reduce((sum, { count }) => sum + count, 0) } };
    },
  }),
  defineOperation({
    ...declared,
    name: "SearchThings",
    kind: "read",
    queue: "lookup",
    readWrite: "Read",
    parameters: { Id: id },
    target: () => undefined,
    access: () => [],
    async handle(context, { Id }) {
      searchesBegun.count++;
      await searches.get(Id);
      const thing = await context.find(thingKind, Id);
      const Count = thing?.row.count ?? 0;
      context.note({ searched: 1 });
      context.about("ACS::Test::Thing", Id);
      return { result: { Id, Count } };
    },
  }),
  defineOperation({
    ...declared,
    name: "RenameThing",
    kind: "control",
    queue: "lookup",
    queuedWith: "After",
    readWrite: "Write",
    parameters: { Id: id, After: optional({ schema: z.string(), description: "A search to wait for." }) },
    target: () => undefined,
    access: () => [],
    async handle(_, { Id, After = "" }) {
      await searches.get(After);
      return { result: { Id } };
    },
  }),
  defineOperation({
    ...declared,
    name: "WorkOnThing",
    kind: "crypto",
    readWrite: "Read",
    parameters: { Id: id },
    target: (context, { Id }) => findThing(context, Id),
    access: (_, thing) => onThing("test:WorkOnThing", thing),
    async handle(context, { Id }, thing) {
      const made = await works.run(context, Id, async () => {
        worksDone.count++;
        await searches.get(Id);
        return "made";
      });
      return { result: { Made: made, Count: thing.row.count } };
    },
  }),
  defineOperation({
    ...declared,
    name: "RebuildThing",
    kind: "control",
    readWrite: "Write",
    parameters: { Id: id },
    target: (context, { Id }) => findThing(context, Id),
    access: (_, thing) => onThing("test:RebuildThing", thing),
    async handle(context, { Id }, thing) {
      const { row } = thing;
      const made = await works.run(context, `${Id} ${row.count}`, async () => {
        worksDone.count++;
        await searches.get(`${Id} ${row.count}`);
        return `made of ${row.count}`;
      });
      const change = thingTable.update(context.guard, context.db, thing, { ...row, note: made });
      return { result: { Made: made }, changes: [change], touched: [{ kind: thingKind, id: Id }] };
    },
  }),
  defineOperation({
    ...declared,
    name: "MakeThing",
    kind: "create",
    readWrite: "Write",
    parameters: { Id: id },
    target: () => undefined,
    access: () => [],
    async handle(context, { Id }) {
      if ((await context.find(thingKind, Id)) !== undefined) throw new ApiError("AliasAlreadyExists");
      const row = thingRow(Id, { owner: context.principal.accountId });
      return { result: { Id }, changes: [thingTable.insert(context.guard, context.db, row)] };
    },
  }),
  defineOperation({
    ...declared,
    name: "ChangeThing",
    kind: "control",
    readWrite: "Write",
    parameters: { Id: id, Count: required({ schema: z.coerce.number("It must be a number."), description: "What." }) },
    target: (context, { Id }) => findThing(context, Id),
    access: (_, thing) => onThing("test:ChangeThing", thing),
    handle(context, { Id, Count }, thing) {
      if (thing.row.note === "locked") throw new ApiError("Rejected.Disabled");
      if (Count === 13) throw new Error("an accident with a detail that stays inside");
      const change = thingTable.update(context.guard, context.db, thing, { ...thing.row, count: Count });
      return { result: { Count }, changes: [change], touched: [{ kind: thingKind, id: Id }] };
    },
    impact: {
      queue: "lookup",
      access: (_, thing) => rightOn("test:CountThing", thing),
      find: (_, thing, result) =>
        Promise.resolve({
          message: "Somebody counts on it.",
          detail: { Counters: { Counter: [{ Before: thing.row.count, After: result?.Count }] } },
        }),
      untold: { message: "Nobody tells you.", detail: {} },
    },
  }),
  defineOperation({
    ...declared,
    name: "CompareThing",
    kind: "read",
    readWrite: "Read",
    parameters: { Id: id },
    target: (context, { Id }) => findThing(context, Id),
    access: (_, thing) => onThing("test:CompareThing", thing),
    async handle({ db }, { Id }, thing) {
      const things = db.$extendTables<ThingSchema>().selectFrom("thing");
      const { count } = await things.select("count").where("id", "=", Id).executeTakeFirstOrThrow();
      if (count !== thing.row.count) throw new TamperedRowError("thing", "a thing is not what it is");
      return { result: { Count: count } };
    },
  }),
  defineOperation({
    ...declared,
    name: "IntroduceMyself",
    kind: "read",
    readWrite: "Read",
    parameters: { Id: id },
    async identify(_, wire) {
      const subject = wire.get("Me") ?? "";
      await searches.get(subject);
      if (subject === "nobody") {
        throw new ApiError("ServiceUnavailableTemporary", "Who that is cannot be told.", { cause: AWAY });
      }
      const identity = { providerId: "P", providerName: "p", issuer: "https://p.test", audience: ["test"] };
      const times = { issuedAt: 0, expiresAt: 0 };
      const caller = { accountId: ACCOUNT, accessKeyId: "", arn: `acs:ram::${ACCOUNT}:oidc-provider/p` };
      return { type: "federated-user", ...caller, subject, identity: { ...identity, ...times } };
    },
    target: (context, { Id }) => findThing(context, Id),
    access: (_, thing) => onThing("test:IntroduceMyself", thing),
    handle: () => ({ result: {} }),
  }),
  defineOperation({
    ...declared,
    name: "Explode",
    kind: "crypto",
    readWrite: "Read",
    parameters: {},
    target: () => undefined,
    access: () => [],
    handle() {
      throw new Error("an accident with a detail that stays inside");
    },
  }),
  defineOperation({
    ...declared,
    name: "DescribeRegions",
    kind: "unrecorded",
    readWrite: "Read",
    parameters: {},
    target: () => undefined,
    access: () => [],
    handle: () => ({ result: { Regions: [] } }),
  }),
];

/** What `WorkOnThing` and `RebuildThing` do once for each call, and how often they have done so. */
const works = new OncePerCall<string>();
export const worksDone = { count: 0 };
/** How often `SearchThings` has been served. */
export const searchesBegun = { count: 0 };

const secrets = new WeakMap<Thing, SigningSecret>();

/** AccessKeys are things here: their note is the secret, and their count tells whether they are active. */
const authenticator: Authenticator = {
  isIssued: ({ accessKeyId }) => accessKeyId.startsWith("LTAI5t"),
  async find(finder, { accessKeyId }) {
    const thing = await finder.find(thingKind, accessKeyId);
    if (thing === undefined) return undefined;
    let secret = secrets.get(thing);
    if (secret === undefined) {
      secret = new SigningSecret(thing.row.note ?? "none");
      secrets.set(thing, secret);
    }
    return {
      principal: rootPrincipal({ accountId: thing.row.owner, accessKeyId }),
      secret,
      refusedAs: thing.row.count === 1 ? undefined : "InvalidAccessKeyId.Inactive",
    };
  },
};

export interface Reply {
  readonly status: number;
  readonly requestId: string;
  readonly format: AnswerFormat;
  readonly body: string;
  /** The body, if it is JSON. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly retryAfterMillis: number | undefined;
}

/** Finds AccessKeys that are others in something, such as whose they are. */
function finding(differences: Pick<TestServiceOptions, "principal"> & { startsAt: number | undefined }): Authenticator {
  return {
    ...authenticator,
    async find(finder, accessKeyId) {
      const found = await authenticator.find(finder, accessKeyId);
      return found && { ...found, ...differences };
    },
  };
}

interface TestServiceOptions {
  readonly process?: TestProcess;
  readonly authorizer?: Authorizer;
  /** Left out, the root of the account that an AccessKey belongs to. */
  readonly principal?: Principal;
  /** When AccessKeys become good, in store milliseconds. Left out, they always were. */
  readonly startsAt?: number;
  /** Left out, nobody's calls are limited. */
  readonly throttle?: Throttle;
}

/** A pipeline with the tiny API on a process of a test deployment. */
export class TestService implements Disposable {
  readonly process: TestProcess;
  readonly metrics: Metrics;
  readonly pipeline: Pipeline;
  readonly #logged: string[] = [];

  private constructor(
    deployment: TestDeployment,
    {
      process,
      authorizer,
      principal,
      startsAt,
      throttle,
    }: { process: TestProcess } & Omit<TestServiceOptions, "process">,
  ) {
    this.process = process;
    const now = (): number => Date.now();
    this.metrics = new Metrics({ now });
    const destination = new Writable({
      write: (chunk, _, done) => {
        this.#logged.push(String(chunk));
        done();
      },
    });
    const log = createLogger({ level: "info", destination, now });
    this.pipeline = new Pipeline({
      store: process.store,
      registry: new OperationRegistry(operations),
      authenticator: finding({ ...(principal && { principal }), startsAt }),
      authorizer,
      throttle,
      custody: openCustody({ keys: DeploymentKeys.derive(deployment.rootKey), keystore: new SoftwareKeystore() }),
      nonces: new NonceTable(1024),
      metrics: this.metrics,
      log,
      securityLog: new SecurityLog({ logger: log, linesPerSecond: 100, now }),
    });
  }

  static async start(deployment: TestDeployment, options: TestServiceOptions = {}): Promise<TestService> {
    const process = options.process ?? (await deployment.open());
    const { rows } = await deployment.backend.reader.execute("SELECT id FROM thing", []);
    if (rows.length === 0) {
      await process.addThings(
        { id: ACCESS_KEY_ID, owner: ACCOUNT, note: SECRET, count: 1 },
        { id: "mine", owner: ACCOUNT, count: 5 },
        { id: "foreign", owner: "9999999999999999" },
      );
    }
    return new TestService(deployment, { ...options, process });
  }

  get log(): string {
    return this.#logged.join("");
  }

  [Symbol.dispose](): void {
    this.pipeline.close();
    this.metrics[Symbol.dispose]();
  }

  /** Sends a signed call and waits for the answer. */
  call(action: string, parameters: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return this.send(sign(action, parameters));
  }

  /** Sends a call without a signature. */
  callUnsigned(action: string, parameters: Readonly<Record<string, string>>, sourceAddress?: string): Promise<Reply> {
    const query = new URLSearchParams({ Action: action, Version: VERSION, Format: "JSON", ...parameters });
    const request = { method: "GET", url: `/?${query.toString()}`, headers: {}, body: Buffer.alloc(0) } as const;
    return this.send(request, sourceAddress);
  }

  send(request: SignedRequest, sourceAddress = "192.0.2.7"): Promise<Reply> {
    return new Promise((resolve, reject) => {
      let answers = 0;
      this.pipeline.handle({
        http: { ...request, headers: { ...request.headers, host: HOST, "user-agent": "tests/1.0" } },
        sourceAddress,
        isSecure: true,
        respond: ({ status, body, format, requestId, retryAfterMillis }) => {
          if (++answers > 1) reject(new Error("answered twice"));
          const json = format === "JSON" ? (JSON.parse(String(body)) as Reply["json"]) : {};
          resolve({
            status,
            requestId,
            format,
            body: String(body),
            json,
            retryAfterMillis,
          });
        },
      });
    });
  }
}

export function sign(
  action: string,
  parameters: Readonly<Record<string, string>> = {},
  other: {
    readonly accessKeyId?: string;
    readonly secret?: string;
    readonly version?: string;
    readonly at?: number;
    readonly nonce?: string;
    readonly format?: Exclude<AnswerFormat, "PROTOBUF">;
  } = {},
): SignedRequest {
  return signV1({
    method: "POST",
    action,
    version: other.version ?? VERSION,
    form: new Map(Object.entries(parameters)),
    accessKeyId: other.accessKeyId ?? ACCESS_KEY_ID,
    secret: new SigningSecret(other.secret ?? SECRET),
    timestampMillis: other.at ?? Date.now(),
    nonce: other.nonce ?? randomUUID(),
    ...(other.format !== undefined && { format: other.format }),
  });
}

/** Signs with a key that is derived for a product, about the thing that is called mine. */
export function signScoped(
  action: string,
  scope: { readonly product: string; readonly region: string },
): SignedRequest {
  return signAcs4({
    ...scope,
    method: "POST",
    host: HOST,
    action,
    version: VERSION,
    form: new Map([["Id", "mine"]]),
    accessKeyId: ACCESS_KEY_ID,
    secret: new SigningSecret(SECRET),
    timestampMillis: Date.now(),
    nonce: randomUUID(),
  });
}
