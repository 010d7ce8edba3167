import type { PolicySet } from "@cinnabar/policy";
import type { Kysely } from "kysely";
import type { z } from "zod";
import type { EventObject } from "../audit/event.ts";
import type { Custody } from "../custody/custody.ts";
import { proceed } from "../platform/proceed.ts";
import type { EntityFinder, EntityKind, EntityReader } from "../store/entity-cache.ts";
import type { RowChange } from "../store/protected-table.ts";
import type { RowGuard } from "../store/row-guard.ts";
import { authorize } from "./authorize.ts";
import type { AuthorizationContext, Authorizer } from "./authorizer.ts";
import type { QueueName } from "./bounded-queue.ts";
import { dryRun, type ImpactReport } from "./dry-run.ts";
import { type ErrorCode, invalidParameter } from "./errors.ts";
import { type Parameters, type ParameterValues, readParameters } from "./parameter.ts";
import type { FederatedPrincipal } from "./principal.ts";
import { queueOf } from "./queue-of.ts";
import { ReadOnce } from "./read-once.ts";
import type { OngoingCall, WorkContext } from "./slow-work.ts";
import type { ThrottlingClass } from "./throttle.ts";

/** The API products this server speaks for, by the name that stands in events. */
export type ProductName = "Kms" | "Actiontrail" | "Ram" | "Sts" | "ResourceSharing";

/**
 * What an operation does to the store, which decides how it is put on record:
 *
 * - `crypto`, `read`: changes nothing; its event goes with a batch.
 * - `create`: makes entities that nobody can have cached; its rows and its event go with a batch.
 * - `control`: changes what others may have cached; a control transaction under the epoch's lock.
 * - `unrecorded`: writes no event (DescribeRegions, as in the real service).
 */
export type OperationKind = "crypto" | "read" | "create" | "control" | "unrecorded";

/** What the caller must be allowed to do, and on what. */
export interface AccessRequest {
  /** For example `kms:Encrypt`. */
  readonly action: string;
  /** ARN of the resource. */
  readonly resource: string;
  /** The account that owns the resource. */
  readonly accountId: string;
  /**
   * The answer to somebody of another account who may not: the same as if the resource did not exist. Within the account it
   * is `Forbidden.NoPermission`, or `NoPermission` of other products than KMS.
   */
  readonly hiddenAs: ErrorCode;
  /** What the resource's own policy says: result B beside the caller's policies. Left out, it has none. */
  readonly resourcePolicy?: PolicySet | undefined;
  /** The resource's tags, each a condition `<product>:tag/<key>`. */
  readonly tags?: ReadonlyMap<string, string> | undefined;
  /** Further conditions by their keys in lower case, such as `sts:externalid`. */
  readonly conditions?: ReadonlyMap<string, string | readonly string[]> | undefined;
  /** Whether the policies of both sides must allow it within an account too, as where a role is assumed. */
  readonly withinAccount?: "both" | undefined;
  /** Called once every right that the call needs is granted: says in the event what only those may know who have them. */
  readonly onAllowed?: (() => void) | undefined;
}

/** Says that an entity changes: every process forgets it before its next answer. */
export interface Touched {
  readonly kind: EntityKind<object>;
  readonly id: string;
}

/** What an operation wants done: its answer, and what must be written with it. */
export interface Plan<Result extends object> {
  readonly result: Result;
  readonly changes?: readonly RowChange[];
  readonly touched?: readonly Touched[];
  /**
   * Of a control operation, called once when it is certain that all this was committed: lets the process remember what it
   * has now. Must not throw.
   */
  readonly committed?: () => void;
}

/**
 * What an operation sees of the world. In a batch it is this process's cache and the store as of now, and the answer
 * leaves only if nothing of it changed until the commit; in a control transaction it is the locked state.
 */
export interface RequestContext extends AuthorizationContext, WorkContext {
  /**
   * The number of the last control transaction whose effects it sees: what was read from what only these change is the same
   * wherever this number is.
   */
  readonly asOf: number;
  /** Stands for the call: one object in all its evaluations, by which slow work that it asks for is done once. */
  readonly call: OngoingCall;
  readonly region: string;
  readonly custody: Custody;
  readonly db: Kysely<unknown>;
  /**
   * Reads what is written once and never changed, such as the audit log: what was found there stays true, so the answer
   * stands whatever control transaction comes before its record. Only an answer that depends on nothing else may use it.
   */
  readonly log: Kysely<unknown>;
  readonly guard: RowGuard;
  /**
   * In a control transaction, lets no batch commit any more until it is over: the logs are then complete, and what is
   * read of them from here on is so until the transaction commits. Every caller in the deployment waits meanwhile.
   *
   * @returns false where there is no control transaction: then it does nothing.
   */
  holdBatches(): Promise<boolean>;
  /**
   * Asks the store whether no control transaction, of whatever process, has come in since this was seen: then all that was
   * read by it was so at one time, from when the call came until now.
   */
  stillHolds(): Promise<boolean>;
  /** The answer holds only before this store time. */
  holdsUntil(time: number): void;
  /** The answer holds only from this store time on. */
  holdsFrom(time: number): void;
  /** Records a fact that somebody needs who replays the decision (resolved key, alias used, revisions). */
  note(facts: EventObject): void;
  /** Names the resource in the event, such as `ACS::KMS::Key` and its id; several ids are separated by commas. */
  about(resourceType: string, resourceName: string): void;
}

/** What is known while it is still to be proven who makes a call. */
export interface UnsignedContext extends EntityFinder, EntityReader {
  /** What the clocks of callers show, in milliseconds since 1970. */
  readonly callersTime: number;
}

/** An API operation, declared once; everything else derives from this. */
export interface Operation<P extends Parameters = Parameters, Target = unknown, Result extends object = object> {
  readonly name: string;
  readonly product: ProductName;
  readonly version: string;
  /** One sentence for the API reference. */
  readonly summary: string;
  readonly kind: OperationKind;
  /** The parameter with which an operation of the kind `create` is one of the kind `control`. */
  readonly controlledWith?: keyof P & string;
  /** The class it is counted in where calls are limited; left out, what its kind says. */
  readonly throttlingClass?: ThrottlingClass;
  /** Where it waits for its turn, if its work is dear. Where that changes nothing, it is done once for each call ({@link ReadOnce}). */
  readonly queue?: QueueName;
  /**
   * The parameter without which its work is not dear, or what says by the parameters whether it is: calls that do not send it
   * wait for no turn.
   */
  readonly queuedWith?: (keyof P & string) | ((wire: ReadonlyMap<string, string>) => boolean);
  /** Whether ActionTrail counts the call as reading or writing. */
  readonly readWrite: "Read" | "Write";
  readonly parameters: P;
  /** The answer's fields beside RequestId, for the reference, the client's types and the comparison with the published API. */
  readonly result: z.ZodObject;
  /** Fields of the answer that the event shows. */
  readonly recordedResult: readonly string[];
  /** Errors that the operation itself answers with, beside the common ones. */
  readonly errors: readonly ErrorCode[];
  /**
   * Where the operation may be called without a signature: finds out from the parameters of such a call who makes it. It
   * runs once, before anything is decided, and what it throws is answered but not put on record, since nobody is proven to
   * have called.
   */
  identify?(context: UnsignedContext, wire: ReadonlyMap<string, string>): Promise<FederatedPrincipal>;
  /** Finds what the call is about, once; the result is both checked and used. */
  target(context: RequestContext, parameters: ParameterValues<P>): Target | Promise<Target>;
  /** What the caller must be allowed, all of it. Empty only for what every authenticated caller may do. */
  access(context: RequestContext, target: Target): readonly AccessRequest[];
  /** Decides and computes. May run again if what it looked at has changed, so it must have no effect of its own. */
  handle(context: RequestContext, parameters: ParameterValues<P>, target: Target): Plan<Result> | Promise<Plan<Result>>;
  /** What a dry run tells beside; left out, nothing. */
  readonly impact?: Impact<Target, Result>;
}

/** What a dry run tells of an operation, beside whether it would succeed. */
export interface Impact<Target, Result extends object> {
  /** Where a dry run waits for its turn. */
  readonly queue: QueueName;
  /** The right that the caller needs to be told. */
  access(context: RequestContext, target: Target): AccessRequest;
  /** What the call would change for others. `result` is left out if it needs something done first. */
  find(context: RequestContext, target: Target, result: Result | undefined): Promise<ImpactReport>;
  /** What somebody is told who has not that right. */
  readonly untold: ImpactReport;
}

/** A declared operation as registries and the pipeline see it, whatever its own types are. */
export interface DeclaredOperation extends Omit<Operation, "target" | "access" | "handle" | "impact"> {
  readonly throttlingClass: ThrottlingClass;
  readonly impact?: { readonly queue: QueueName };
  /** Runs the stages from validation to the handler: nobody can leave one out. */
  run(
    context: RequestContext,
    wire: ReadonlyMap<string, string>,
    authorizer: Authorizer,
  ): Plan<object> | Promise<Plan<object>>;
}

/** Declares an operation. */
export function defineOperation<P extends Parameters, Target, Result extends object>(
  operation: Operation<P, Target, Result>,
): DeclaredOperation {
  const reads = new ReadOnce<Plan<Result>>();
  return {
    ...operation,
    throttlingClass: operation.throttlingClass ?? THROTTLING_CLASSES[operation.kind],
    run: (context, wire, authorizer) => runStages(operation, { context, wire, authorizer, reads }),
  };
}

const THROTTLING_CLASSES: Readonly<Record<OperationKind, ThrottlingClass>> = {
  crypto: "crypto",
  read: "read",
  unrecorded: "read",
  create: "write",
  control: "write",
};

function runStages<P extends Parameters, Target, Result extends object>(
  operation: Operation<P, Target, Result>,
  {
    context,
    wire,
    authorizer,
    reads,
  }: {
    readonly context: RequestContext;
    readonly wire: ReadonlyMap<string, string>;
    readonly authorizer: Authorizer;
    readonly reads: ReadOnce<Plan<Result>>;
  },
): Plan<Result> | Promise<Plan<Result>> {
  if (readDryRun(wire)) return dryRun(operation, { context, wire, authorizer });
  const parameters = readParameters(operation.parameters, wire);
  return proceed(operation.target(context, parameters), (target) => {
    const requests = operation.access(context, target);
    const { product, kind } = operation;
    const isDearRead = kind === "read" && queueOf(operation, wire) !== undefined;
    return proceed(authorize({ authorizer, context, requests, product, notesRights: kind !== "crypto" }), () =>
      isDearRead
        ? reads.run(context, requests, (reported) => operation.handle(reported, parameters, target))
        : operation.handle(context, parameters, target),
    );
  });
}

/** `DryRun` is understood by every operation: one that merely ignored it would do what the caller only asked about. */
function readDryRun(wire: ReadonlyMap<string, string>): boolean {
  const value = wire.get("DryRun") ?? "";
  if (value !== "" && value !== "true" && value !== "false") {
    throw invalidParameter("DryRun", "It must be true or false.");
  }
  return value === "true";
}
