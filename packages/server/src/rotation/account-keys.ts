import { setTimeout as sleep } from "node:timers/promises";
import {
  type AccountId,
  type AccountKeyUse,
  type ControlStore,
  type ControlTransaction,
  type DeploymentKeys,
  encodeSystemEvent,
  type EventObject,
  needsRewrapping,
  newRequestId,
  type RewrapStep,
  rewrapStep,
  rotateAccountKey,
  type SystemEventName,
} from "@cinnabar/kernel";

const STEP_ROWS = 100;

/** A store as a command or a node's job has it. */
export type RotatedStore = Pick<ControlStore, "run" | "region" | "reader" | "guard">;

interface Rotating {
  readonly keys: DeploymentKeys;
  readonly uses: readonly AccountKeyUse[];
  readonly accountId: AccountId;
  /** Rows that one transaction wraps anew: 100 by default, which keep others from the epoch's lock for some 50 ms. */
  readonly rows?: number;
}

/** How an account's key was rotated. */
export interface AccountKeyRotation {
  readonly accountId: AccountId;
  /** The current version now. */
  readonly version: number;
  /** Values that were wrapped anew under it. */
  readonly rewrapped: number;
  /** False if a rotation that had been interrupted was ended, instead of a new version made. */
  readonly isNew: boolean;
}

/**
 * Gives an account a new version of its key and wraps everything of the account's under it, or ends that where it was
 * interrupted. Each step is a control transaction with its event in the account's trail; servers may run meanwhile.
 *
 * @param options.onRewrapped - told how many values have been wrapped anew so far.
 * @throws AccountKeyError if there is no such account.
 */
export async function rotateOrResume(
  store: RotatedStore,
  options: Rotating & { readonly onRewrapped?: (count: number) => void },
): Promise<AccountKeyRotation> {
  const { keys, accountId } = options;
  const isNew = !(await needsRewrapping({ db: store.reader, guard: store.guard }, options));
  if (isNew) {
    await store.run(async (transaction) => {
      const data = await rotateAccountKey(transaction, { keys, accountId });
      return { result: undefined, event: encode(transaction, { name: "RotateAccountKey", data, accountId, store }) };
    });
    options.onRewrapped?.(0);
  }
  return { accountId, isNew, ...(await rewrapAll(store, options)) };
}

/** Wraps all of an account's anew that is not under the current version of its key. It rests as long as it works. */
export async function rewrapAll(
  store: RotatedStore,
  options: Rotating & { readonly onRewrapped?: (count: number) => void },
): Promise<{ readonly version: number; readonly rewrapped: number }> {
  let rewrapped = 0;
  for (;;) {
    const startedAt = performance.now();
    const step = await rewrapSome(store, options);
    rewrapped += step.rewrapped;
    options.onRewrapped?.(rewrapped);
    if (step.isDone) return { version: step.to, rewrapped };
    await sleep(performance.now() - startedAt);
  }
}

/** One step of {@link rewrapAll}. */
export function rewrapSome(store: RotatedStore, options: Rotating): Promise<RewrapStep> {
  const { keys, uses, accountId, rows = STEP_ROWS } = options;
  return store.run(async (transaction) => {
    const result = await rewrapStep(transaction, { keys, uses, accountId, rows });
    const event = encode(transaction, { name: "RewrapAccountKey", data: { ...result }, accountId, store });
    return { result, event };
  });
}

function encode(
  { now, epoch }: ControlTransaction,
  event: { name: SystemEventName; data: EventObject; accountId: AccountId; store: RotatedStore },
): string {
  const { name, data, accountId, store } = event;
  return encodeSystemEvent({ name, region: store.region, eventId: newRequestId(), time: now, epoch, data, accountId });
}
