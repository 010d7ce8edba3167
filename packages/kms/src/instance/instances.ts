import { randomUUID } from "node:crypto";
import {
  type AccountId,
  type ControlStore,
  type ControlTransaction,
  encodeSystemEvent,
  type EventObject,
  type InstanceId,
  newInstanceId,
  type RowChange,
  type SystemEventName,
} from "@cinnabar/kernel";
import { InstanceError } from "./instance-error.ts";
import type { Instance, InstanceQuotas } from "./instance.ts";
import {
  changeInstance,
  findDefaultInstance,
  insertInstance,
  instanceKind,
  listInstances,
  touchedInstance,
} from "./instance-repository.ts";

/** Those that an instance has where its operator says nothing else. */
export const DEFAULT_QUOTAS: InstanceQuotas = { keys: 1_000, secrets: 1_000, qps: 1_000, access: 10 };

/** What an operator says of a new instance. */
export interface NewInstance {
  readonly accountId: AccountId;
  readonly type: Instance["type"];
  readonly name?: string | undefined;
  readonly quotas?: Partial<InstanceQuotas> | undefined;
  /** Whether the account still has to call ConnectKmsInstance. */
  readonly isUninitialized?: boolean | undefined;
}

/**
 * The instances of the deployment, which its operator alone makes. Each change is a control transaction with its event in
 * the trail of the instance's account: when it returns, it holds on every node.
 */
export class Instances {
  readonly #store: ControlStore;

  constructor(store: ControlStore) {
    this.#store = store;
  }

  /** The instances of an account, or of all, the oldest first. */
  list(options: { readonly accountId?: AccountId | undefined } = {}): Promise<readonly Instance[]> {
    return listInstances({ db: this.#store.reader, guard: this.#store.guard }, options);
  }

  /**
   * Makes an instance; the first one of an account is its default one.
   *
   * @param assertAccount - throws unless there is such an account; asked under the lock.
   * @throws InstanceError `noHardware`
   */
  async create(
    { accountId, type, name, quotas, isUninitialized = false }: NewInstance,
    assertAccount: (transaction: ControlTransaction) => Promise<void>,
  ): Promise<InstanceId> {
    if (type === "hardware") throw noHardware();
    const id = newInstanceId();
    await this.#change(async (transaction) => {
      await assertAccount(transaction);
      const { now } = transaction;
      const instance: Instance = {
        id,
        accountId,
        type,
        state: isUninitialized ? "Uninitialized" : "Connected",
        name: name ?? id,
        createdAt: now,
        connectedAt: isUninitialized ? undefined : now,
        quotas: { ...DEFAULT_QUOTAS, ...quotas },
        network: undefined,
        boundVpcs: [],
        isDefault: (await findDefaultInstance(transaction, accountId)) === undefined,
        deletionProtection: undefined,
      };
      const data = { instanceId: id, type, name: instance.name, quotas: { ...instance.quotas } };
      return {
        changes: [insertInstance(transaction, instance)],
        touched: [id],
        ...event("CreateInstance", accountId, data),
      };
    });
    return id;
  }

  /**
   * Changes an instance's quotas; those that are left out stay as they are. One below what is used takes nothing away.
   *
   * @returns false if they were so already. @throws InstanceError `instanceNotFound`
   */
  async changeQuotas(id: InstanceId, wanted: Partial<InstanceQuotas>): Promise<boolean> {
    return this.#change(async (transaction) => {
      const instance = await load(transaction, id);
      const quotas = { ...instance.quotas, ...wanted };
      if (JSON.stringify(quotas) === JSON.stringify(instance.quotas)) return undefined;
      const data = { instanceId: id, quotas: { ...quotas } };
      return {
        changes: [changeInstance(transaction, instance, { quotas })],
        touched: [id],
        ...event("ChangeInstanceQuotas", instance.accountId, data),
      };
    });
  }

  /** Makes it its account's default instance. @returns false if it was. @throws InstanceError `instanceNotFound` */
  async setDefault(id: InstanceId): Promise<boolean> {
    return this.#change(async (transaction) => {
      const instance = await load(transaction, id);
      if (instance.isDefault) return undefined;
      const before = await findDefaultInstance(transaction, instance.accountId);
      const previous = before && (await load(transaction, before.id));
      return {
        changes: [
          ...(previous === undefined ? [] : [changeInstance(transaction, previous, { isDefault: false })]),
          changeInstance(transaction, instance, { isDefault: true }),
        ],
        touched: [id, ...(previous === undefined ? [] : [previous.id])],
        ...event("SetDefaultInstance", instance.accountId, { instanceId: id }),
      };
    });
  }

  async #change(plan: (transaction: ControlTransaction) => Promise<Change | undefined>): Promise<boolean> {
    try {
      await this.#store.run(async (transaction) => {
        const change = await plan(transaction);
        if (change === undefined) throw new NothingToDoError();
        for (const row of change.changes) await transaction.write(row);
        for (const id of change.touched) {
          const touched = touchedInstance(id);
          transaction.touch(touched.kind, touched.id);
        }
        return { result: undefined, event: this.#encode(transaction, change) };
      });
      return true;
    } catch (error) {
      if (error instanceof NothingToDoError) return false;
      throw error;
    }
  }

  #encode({ now, epoch }: ControlTransaction, { name, accountId, data, touched: [instanceId] }: Change): string {
    return encodeSystemEvent({
      name,
      region: this.#store.region,
      eventId: randomUUID().toUpperCase(),
      time: now,
      epoch,
      data,
      accountId,
      resource: { type: "ACS::KMS::Instance", name: instanceId },
    });
  }
}

interface Change {
  readonly changes: readonly RowChange[];
  /** The instance that it is about comes first. */
  readonly touched: readonly [InstanceId, ...InstanceId[]];
  readonly name: SystemEventName;
  readonly accountId: AccountId;
  readonly data: EventObject;
}

/** Ends a control transaction that found everything as it was to be. */
class NothingToDoError extends Error {
  override readonly name = "NothingToDoError";
}

function event(
  name: SystemEventName,
  accountId: AccountId,
  data: EventObject,
): Pick<Change, "name" | "accountId" | "data"> {
  return { name, accountId, data };
}

async function load(transaction: ControlTransaction, id: InstanceId) {
  const instance = await transaction.find(instanceKind, id);
  if (instance !== undefined) return instance;
  throw new InstanceError("instanceNotFound", `There is no instance ${id}: cinnabar instance list shows them.`);
}

/** No software key is ever reported as one of an HSM. */
function noHardware(): InstanceError {
  return new InstanceError(
    "noHardware",
    "A hardware instance needs a keystore in an HSM, and this server has none: the keys of a software instance are all it can make.",
  );
}
