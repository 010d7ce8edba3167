import { notReadBack, RootKey, type Seal, SealError, type StagedSeal } from "@cinnabar/kernel";

import { anotherRootKey, openRootKey } from "../open-deployment.ts";
import { OperatorError } from "../operator-error.ts";
import { flushSeal } from "./flush-seal.ts";
import { isSamePlace } from "./same-place.ts";
import { settleSeal } from "./settle-seal.ts";

/** What has been done when {@link rotateSeal} says so, in order. */
export type RotationStep = "opened" | "staged" | "verified" | "prepared" | "committed" | "kept" | "promoted";

export interface SealRotationPlan {
  readonly seal: Seal;
  /** Where the next root key goes, and none is yet; left out, it takes the place of the present one. */
  readonly to?: Seal | undefined;
  /** Check value of the store's root key. */
  readonly expected: string;
  /** Keeps the present root key beside the next one: backups from before need it. With `to` it stays in any case. */
  readonly keepOld: boolean;
  /** Puts the store under the next root key: what it throws means that it is under the present one still. */
  commit(keys: { readonly from: RootKey; readonly to: RootKey }): Promise<void>;
  /** For tests. */
  readonly onStep?: (step: RotationStep) => void;
}

/**
 * - `rotated`: there is a new root key; `kept` says where the old one is if it is kept beside it.
 * - `finished`: there was one already, and only its place was not right, because a run was interrupted.
 */
export interface SealRotationOutcome {
  readonly kind: "rotated" | "finished";
  /** Check value of the store's root key now. */
  readonly rootKey: string;
  readonly kept: string | undefined;
}

/**
 * Gives a store a new root key. The next one is sealed, durably, and opened again from what was written, before the
 * store is put under it in one transaction; only then it takes the place of the present one. Whenever it ends in
 * between, what the store is under opens, and it can be run again. No other rotation or migration may run meanwhile.
 *
 * @throws RootKeyError if the seal does not open the store's root key. SealError if the next one cannot be sealed,
 * or if `to` has a root key already. OperatorError if the seal is not of a kind that can do it. Then nothing was changed.
 */
export async function rotateSeal(plan: SealRotationPlan): Promise<SealRotationOutcome> {
  return plan.to === undefined ? rotateInPlace(plan) : rotateTo(plan, plan.to);
}

async function rotateInPlace(plan: SealRotationPlan): Promise<SealRotationOutcome> {
  const { seal, expected, keepOld, onStep = () => {} } = plan;
  const { rotation } = seal;
  if (rotation === undefined) {
    throw new OperatorError(
      `Only whoever keeps ${seal.describe()} can put another root key there. Name a file for the new one with ` +
        "--to file:PATH, and hand it over afterwards. Nothing was changed.",
    );
  }
  const settled = await settleSeal(seal, { rootKey: expected, keepOld });
  if (settled !== undefined) return { kind: "finished", rootKey: expected, kept: settled.kept };
  const opened = await rotation.open();
  if (opened?.rootKey.checkValue !== expected) {
    // Says what is wrong.
    await openRootKey(seal, expected);
    throw anotherRootKey({ seal, expected, found: opened?.rootKey.checkValue ?? "none" });
  }
  onStep("opened");
  const to = (await opened.findNext()) ?? (await putNext(plan, (next) => opened.stageNext(next)));
  onStep("prepared");
  await assertThere(seal, to);
  await plan.commit({ from: opened.rootKey, to });
  onStep("committed");
  const kept = keepOld ? await rotation.keepOther(to.checkValue) : undefined;
  onStep("kept");
  await rotation.promote(to.checkValue);
  onStep("promoted");
  return { kind: "rotated", rootKey: to.checkValue, kept };
}

async function rotateTo(plan: SealRotationPlan, target: Seal): Promise<SealRotationOutcome> {
  const { seal, expected, onStep = () => {} } = plan;
  const { rotation } = target;
  if (rotation === undefined) {
    throw new OperatorError(
      `Only whoever keeps ${target.describe()} can put a root key there. Name a file for the new one with ` +
        "--to file:PATH, and hand it over afterwards. Nothing was changed.",
    );
  }
  if (seal.path !== undefined && target.path !== undefined && (await isSamePlace(seal.path, target.path))) {
    throw new OperatorError(
      `${target.path} is where the root key is now: leave --to out, and the new one takes its place. Nothing was changed.`,
    );
  }
  const settled = await settleSeal(target, { rootKey: expected, keepOld: true });
  if (settled !== undefined) return { kind: "finished", rootKey: expected, kept: settled.kept };
  // Who knows whose it was: one that was replaced because somebody had seen it must never come back.
  const taken = await target.claim();
  if (taken !== undefined) {
    const which = taken === expected ? "the present root key" : `a root key already, ${taken}`;
    throw new SealError(
      "exists",
      `${target.describe()} keeps ${which}. Nothing was changed: name a place for the new one where there is none.`,
    );
  }
  // Else what is left there would be taken for a next root key when it no longer is one.
  await settleSeal(seal, { rootKey: expected, keepOld: true });
  const from = await openRootKey(seal, expected);
  onStep("opened");
  const to = (await rotation.openNext()) ?? (await putNext(plan, (next) => rotation.stageNext(next)));
  onStep("prepared");
  await assertThere(target, to);
  await plan.commit({ from, to });
  onStep("committed");
  await settleSeal(target, { rootKey: to.checkValue, keepOld: true });
  onStep("promoted");
  return { kind: "rotated", rootKey: to.checkValue, kept: seal.describe() };
}

/** Makes a root key and puts it beside the place where it will count, opened again from what was written. */
async function putNext(
  { seal, to = seal, onStep = () => {} }: SealRotationPlan,
  stage: (next: RootKey) => Promise<StagedSeal>,
): Promise<RootKey> {
  const next = RootKey.generate();
  await using staged = await stage(next);
  onStep("staged");
  if ((await staged.open()).checkValue !== next.checkValue) throw notReadBack(to.describe());
  onStep("verified");
  await staged.publish({ replace: false });
  return next;
}

/** What is there, durably, when the store is put under it is what counts: asked once more, by name, whoever wrote it. */
async function assertThere(seal: Seal, { checkValue }: RootKey): Promise<void> {
  const holding = await seal.holding(checkValue);
  if ((await holding.claim()) !== checkValue) throw notReadBack(seal.describe());
  await flushSeal(holding);
}
