import type { Answer, CinnabarClient } from "@cinnabar/client";
import { items, text } from "../answer-fields.ts";
import { Failure } from "../failure.ts";

const RAM = { version: "2015-05-01" };
const PAGE = 1000;

/** The principals that an operation of RAM lists, of all its pages, and the ARN of what it was asked about. */
export async function listPrincipals(
  client: CinnabarClient,
  operation: string,
  asked: Readonly<Record<string, string>>,
): Promise<{ readonly arn: string; readonly principals: readonly Answer[] }> {
  const principals: Answer[] = [];
  let marker: string | undefined;
  for (;;) {
    const answer = await client.call(operation, { ...asked, MaxItems: PAGE, Marker: marker }, RAM);
    principals.push(...items(answer, "Principals.Principal"));
    if (answer["IsTruncated"] !== true) return { arn: text(answer["AuthResource"]), principals };
    const next = text(answer["Marker"]);
    if (next === "" || next === marker) throw new Failure("The answer says that there is more, but not where.");
    marker = next;
  }
}
