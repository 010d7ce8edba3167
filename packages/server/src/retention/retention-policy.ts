/** How long event bodies are kept. Tree nodes are kept for ever. */
export interface RetentionPolicy {
  /** Older ones are dropped, in milliseconds; `undefined`: however old they are, they stay. */
  readonly keepMillis: number | undefined;
  /** Where the log's rows take more, the oldest ones are dropped, in bytes; `undefined`: however large it is. */
  readonly maxBytes: number | undefined;
}

const DAY_MILLIS = 86_400_000;
const STEPS = 90;

/**
 * In which steps of store time bodies are dropped by age, in milliseconds: a ninetieth of their time, at most a day. So a
 * quiet log gets one record a day of what was dropped, and a body stays at most a ninetieth longer than it must.
 */
export function retentionStep(keepMillis: number): number {
  return Math.min(DAY_MILLIS, Math.max(1, Math.floor(keepMillis / STEPS)));
}
