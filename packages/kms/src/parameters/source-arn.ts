import { invalidParameter, optional, type RequestContext, sourceArnText } from "@cinnabar/kernel";

/** The resource that a service uses a key for. Cinnabar's own. */
export const sourceArn = optional({
  schema: sourceArnText,
  description: "From services: the ARN of the resource that they call for, as ListKeyAssociations shows it.",
});

/** @throws ApiError `InvalidParameter` if anybody but a service says for what it calls. */
export function assertSource({ principal }: RequestContext, SourceArn: string | undefined): void {
  if (SourceArn === undefined || principal.type === "service") return;
  throw invalidParameter("SourceArn", "Only services say for what they call.");
}
