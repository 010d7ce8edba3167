import type { Plan } from "./engine/campaign.ts";
import type { TargetDeclaration } from "./engine/target.ts";

/** Divides mutations among targets by their weights; each gets one at least. */
export function planFor(
  chosen: readonly TargetDeclaration[],
  { seed, count, first = 0 }: { seed: number; count: number; first?: number },
): Plan[] {
  const weights = chosen.reduce((sum, { weight }) => sum + weight, 0);
  let left = count;
  return chosen.map(({ name, weight }, position) => {
    const share = position === chosen.length - 1 ? left : Math.round((count * weight) / weights);
    left -= share;
    return { name, seed, first, count: Math.max(1, share) };
  });
}
