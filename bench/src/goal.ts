/** One line of `--json`. */
export interface Goal {
  readonly goal: string;
  /** More is better; null if it could not be measured. */
  readonly ratio: number | null;
  /** Null: reported, but nothing is asked of it. */
  readonly floor: number | null;
  /** What could not be measured passes only where nothing is asked. */
  readonly pass: boolean;
}

/** @param options.ratio - NaN if it could not be measured. */
export function judge(goal: string, options: { ratio: number; floor: number | null }): Goal {
  const { ratio, floor } = options;
  const measured = Number.isFinite(ratio);
  return {
    goal,
    ratio: measured ? Math.round(ratio * 1000) / 1000 : null,
    floor,
    pass: floor === null || ratio >= floor,
  };
}
