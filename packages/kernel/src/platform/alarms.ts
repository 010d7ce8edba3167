/**
 * What an operator has to look at, each under the name that its log lines, the metric `cinnabar_alarm`, an alert rule and
 * a page in docs/runbooks share.
 */
export const ALARMS = [
  "tampered-row",
  "log-unavailable",
  "clock-behind",
  "disk-filling",
  "unfinished-work",
  "checkpoint-undelivered",
  "fenced",
  "sealed",
  "seal-missing",
  "put-back",
] as const;

export type Alarm = (typeof ALARMS)[number];

/** The fields of a log line that raises an alarm: its name, and the page that says what to do. */
export function alarm(name: Alarm): { readonly alarm: Alarm; readonly runbook: string } {
  return { alarm: name, runbook: `docs/runbooks/${name}.md` };
}
