import { randomBytes } from "node:crypto";
import {
  type AccountId,
  ApiError,
  type Authorizer,
  type Backend,
  type Custody,
  type DeclaredOperation,
  DeploymentKeys,
  type EntityKind,
  kernelMigrations,
  kyselyOn,
  migrate,
  newAccountId,
  newAccountKey,
  newGroupId,
  newUserId,
  openCustody,
  openPostgresql,
  parseId,
  type Plan,
  type Principal,
  type RequestContext,
  type RoleId,
  RootKey,
  rootPrincipal,
  RowGuard,
  SoftwareKeystore,
  SqliteBackend,
  type UserPrincipal,
} from "@cinnabar/kernel";
import {
  createAuthorizer,
  type KeyPolicies,
  type ProbedKey,
  ramMigrations,
  ramOperations,
  Separation,
} from "@cinnabar/ram";
import type { TestDatabase, TestDatabaseInstance } from "@cinnabar/testkit";
import type { Kysely } from "kysely";
import { accountTable } from "../../src/account.ts";
import { insertGroup, touchedGroup } from "../../src/group/group-repository.ts";
import { insertMembership, listMemberships, membershipTable } from "../../src/group/membership-repository.ts";
import { insertUser, touchedUser } from "../../src/user/user-repository.ts";
import { noApplications } from "./no-applications.ts";
import { noRecords } from "./no-records.ts";

const REGION = "cn-hangzhou";
const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** Users and roles, such as `user/alice`, whom a key's policy names, and those of other accounts by their ARNs. */
function namesIn(policy: ProbedKey["policy"], accountId: string): readonly string[] {
  const statements = (policy?.policies ?? []).flatMap((each) => each.statements);
  return statements
    .flatMap(({ statement }) => statement.principals ?? [])
    .flatMap((principal) => {
      if (!("accountId" in principal)) return [];
      const name = principal.type === "account" ? "root" : `${principal.type}/${principal.name}`;
      return principal.accountId === accountId ? [name] : [`acs:ram::${principal.accountId}:${name}`];
    });
}

type Fields = Readonly<Record<string, unknown>>;
type Wire = Readonly<Record<string, string>>;

/** The operations of RAM on a database of their own without a server. */
export class PolicyWorld implements AsyncDisposable {
  now = START;
  readonly accountId: AccountId = newAccountId();
  readonly authorizer: Authorizer = createAuthorizer();
  readonly backend: Backend;
  readonly guard: RowGuard;
  readonly custody: Custody;
  /** Entities by their kind and id, as a process has them in memory. */
  readonly cache = new Map<string, object>();
  /** When every AccessKey was used last, in store milliseconds. */
  lastUse: number | undefined;
  readonly keys: DeploymentKeys;
  /** The account's keys, as its separation of duties finds them. */
  readonly probedKeys = new Map<string, ProbedKey>();
  readonly keyPolicies: KeyPolicies = {
    find: async (_context, { keyIds, among }) => {
      const keys = [...this.probedKeys.values()].map((key) => ({ key, names: namesIn(key.policy, this.accountId) }));
      const wanted = await among(new Set(keys.flatMap(({ names }) => names)));
      return keys
        .filter(({ key, names }) => keyIds.has(key.keyId) || names.some((name) => wanted.has(name)))
        .map(({ key }) => key);
    },
    state: () => Promise.resolve(String(this.probedKeys.size)),
  };
  readonly #operations: readonly DeclaredOperation[];
  readonly #database: TestDatabaseInstance;

  private constructor(options: { database: TestDatabaseInstance; backend: Backend; rootKey: RootKey }) {
    this.#database = options.database;
    this.backend = options.backend;
    const keys = DeploymentKeys.derive(options.rootKey);
    this.keys = keys;
    this.#operations = ramOperations({
      keys,
      findLastUse: () => Promise.resolve(this.lastUse),
      authorizer: this.authorizer,
      findRight: (_context, action, resource) => {
        const key = [...this.probedKeys.values()].find(({ keyId, arn }) => keyId === resource || arn === resource);
        if (key === undefined) return undefined;
        const { accountId } = this;
        return { action, resource: key.arn, accountId, hiddenAs: "NoPermission", resourcePolicy: key.policy };
      },
      recorded: noRecords,
      applications: noApplications,
      separation: new Separation(this.keyPolicies),
    });
    this.guard = new RowGuard(keys.guardKeys);
    this.custody = openCustody({ keys, keystore: new SoftwareKeystore() });
  }

  static async open(database: TestDatabase): Promise<PolicyWorld> {
    const instance = await database.create();
    const backend =
      database.name === "sqlite"
        ? await SqliteBackend.open(instance.url.slice("sqlite:".length))
        : await openPostgresql(instance.url);
    await migrate(backend, [...kernelMigrations, ...ramMigrations]);
    const world = new PolicyWorld({ database: instance, backend, rootKey: new RootKey(randomBytes(32)) });
    await world.addAccount(world.accountId);
    return world;
  }

  get db(): Kysely<unknown> {
    return kyselyOn(this.backend.kind, this.backend.reader);
  }

  get root(): Principal {
    return rootPrincipal({ accountId: this.accountId, accessKeyId: "LTAI5tTest" });
  }

  /** Calls an operation, as the root of the world's account by default. */
  async call(
    name: string,
    parameters: Wire = {},
    { as = this.root }: { readonly as?: Principal } = {},
  ): Promise<{ readonly result: Fields | undefined; readonly error: ApiError | undefined; readonly noted: Fields }> {
    const operation = this.#declared(name);
    const context = new WorldContext(this, { principal: as, isLocked: operation.kind === "control" });
    try {
      const plan = await operation.run(context, new Map(Object.entries(parameters)), this.authorizer);
      await this.#commit(plan);
      return { result: { ...plan.result }, error: undefined, noted: context.noted };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { result: undefined, error, noted: context.noted };
    }
  }

  /** The answer of a call that succeeds. */
  async ok<Result = Fields>(name: string, parameters?: Wire): Promise<Result> {
    const { result, error } = await this.call(name, parameters);
    if (error !== undefined) throw error;
    return result as Result;
  }

  /** The code and the message of a call that is refused. */
  async refusal(name: string, parameters?: Wire, options?: { readonly as?: Principal }): Promise<string> {
    const { error } = await this.call(name, parameters, options);
    return error === undefined ? "no error" : `${error.code}: ${error.message}`;
  }

  /** The code alone. */
  async code(name: string, parameters?: Wire, options?: { readonly as?: Principal }): Promise<string | undefined> {
    return (await this.call(name, parameters, options)).error?.code;
  }

  async addUser(userName: string): Promise<UserPrincipal> {
    const [user] = await this.addUsers([userName]);
    if (user === undefined) throw new RangeError("no user was added");
    return user;
  }

  /** Adds users in one transaction. */
  async addUsers(userNames: readonly string[]): Promise<readonly UserPrincipal[]> {
    const { accountId } = this;
    const details = { displayName: undefined, mobilePhone: undefined, email: undefined, comments: undefined };
    const users = userNames.map((userName): UserPrincipal => {
      const arn = `acs:ram::${accountId}:user/${userName}`;
      return { type: "ram-user", accountId, accessKeyId: "LTAI5tTest", userId: newUserId(), userName, arn };
    });
    const changes = users.map(({ userId, userName }) =>
      insertUser(this.context(), { userId: parseId("User", userId), accountId, userName, ...details }),
    );
    await this.#commit({ result: {}, changes });
    return users;
  }

  async addGroup(groupName: string): Promise<{ readonly groupId: ReturnType<typeof newGroupId> }> {
    const groupId = newGroupId();
    const group = { groupId, accountId: this.accountId, groupName, comments: undefined };
    const changes = [insertGroup(this.context(), group)];
    await this.#commit({ result: {}, changes, touched: [touchedGroup(groupId)] });
    return { groupId };
  }

  async join(user: { readonly userId: string }, group: { readonly groupId: string }): Promise<void> {
    await this.joinAll([user], group);
  }

  /** Makes users members of a group in one transaction. */
  async joinAll(
    users: readonly { readonly userId: string }[],
    { groupId }: { readonly groupId: string },
  ): Promise<void> {
    const changes = users.map(({ userId }) =>
      insertMembership(this.context(), { groupId, userId } as Parameters<typeof insertMembership>[1]),
    );
    await this.#commit({ result: {}, changes, touched: users.map(({ userId }) => touchedUser(userId)) });
  }

  async leave({ userId }: { readonly userId: string }): Promise<void> {
    const context = this.context();
    const memberships = await listMemberships(context, { userId });
    const changes = memberships.map(({ stored }) => membershipTable.delete(context.guard, context.db, stored));
    await this.#commit({ result: {}, changes, touched: [touchedUser(userId)] });
  }

  /** A session of a role that is there. */
  session(roleId: RoleId, roleName: string): Extract<Principal, { type: "assumed-role" }> {
    const { accountId, now: startedAt } = this;
    const arn = `acs:ram::${accountId}:role/${roleName}/session`;
    return {
      type: "assumed-role",
      accountId,
      accessKeyId: "STS.Test",
      arn,
      roleId,
      roleName,
      sessionName: "session",
      sessionPolicy: undefined,
      mfaPresent: false,
      startedAt,
    };
  }

  context(principal: Principal = this.root): WorldContext {
    return new WorldContext(this, { principal, isLocked: false });
  }

  /** Makes another account with a key of its own. @returns its root. */
  async addAccount(accountId: AccountId = newAccountId()): Promise<Principal> {
    const { keys, guard, db, now } = this;
    const { change } = newAccountKey({ keys, accountId, version: 1, guard, db, now });
    const settings = { require_usage_review: null, separation_of_duties: null };
    const account = { id: accountId, status: "Enabled", created_at: now, ...settings, service: null };
    await this.#commit({ result: {}, changes: [change, accountTable.insert(guard, db, account)] });
    return rootPrincipal({ accountId, accessKeyId: "LTAI5tTest" });
  }

  /** Whether the principal may do that now. */
  async may(principal: Principal, action: string, resource = "*"): Promise<boolean> {
    const request = { action, resource, accountId: this.accountId, hiddenAs: "NoPermission" } as const;
    const { allowed } = await this.authorizer.decide(this.context(principal), request);
    return allowed;
  }

  #declared(name: string): DeclaredOperation {
    const operation = this.#operations.find((operation) => operation.name === name);
    if (operation === undefined) throw new Error(`${name} is not declared`);
    return operation;
  }

  /** Changes rows behind the server's back. */
  async tamper(statement: string): Promise<void> {
    await this.backend.transaction("write", (connection) => connection.execute(statement, []));
    this.cache.clear();
  }

  async #commit({ changes = [], touched = [] }: Plan<object>): Promise<void> {
    if (changes.length > 0) {
      await this.backend.transaction("write", async (connection) => {
        for (const { statement } of changes) {
          const { affected } = await connection.execute(statement.sql, statement.parameters);
          if (affected !== 1) throw new Error(`a change touched ${affected} rows`);
        }
      });
    }
    for (const { kind, id } of touched) this.cache.delete(`${kind.name}:${id}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend.close();
    await this.#database.drop();
  }
}

export class WorldContext implements RequestContext {
  readonly asOf = 0;
  readonly principal: Principal;
  readonly region = REGION;
  readonly now: number;
  isSecure = true;
  sourceAddress = "127.0.0.1";
  readonly call = {};
  readonly allowsWork = true;
  readonly custody: Custody;
  readonly db: Kysely<unknown>;
  readonly log: Kysely<unknown>;
  readonly guard: RowGuard;
  noted: Fields = {};
  readonly #cache: Map<string, object>;
  readonly #isLocked: boolean;

  constructor(world: PolicyWorld, options: { readonly principal: Principal; readonly isLocked: boolean }) {
    this.principal = options.principal;
    this.now = world.now;
    this.custody = world.custody;
    this.db = world.db;
    this.log = world.db;
    this.guard = world.guard;
    this.#cache = world.cache;
    this.#isLocked = options.isLocked;
  }

  find<E extends object>(kind: EntityKind<E>, id: string): E | undefined | Promise<E | undefined> {
    const name = `${kind.name}:${id}`;
    const cached = this.#isLocked ? undefined : (this.#cache.get(name) as E | undefined);
    return cached ?? this.#load(kind, id, name);
  }

  async #load<E extends object>(kind: EntityKind<E>, id: string, name: string): Promise<E | undefined> {
    const entity = await kind.load(this, id);
    if (entity !== undefined && !this.#isLocked) this.#cache.set(name, entity);
    return entity;
  }

  stillHolds(): Promise<boolean> {
    return Promise.resolve(true);
  }

  holdBatches(): Promise<boolean> {
    return Promise.resolve(this.#isLocked);
  }

  holdsUntil(): void {}

  holdsFrom(): void {}

  note(facts: Fields): void {
    this.noted = { ...this.noted, ...facts };
  }

  about(): void {}
}
