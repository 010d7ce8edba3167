import { jsonText } from "@cinnabar/kernel";
import { z } from "zod";

/** Longest of the ids that a VPC comes with, in characters. */
const MAX_ID_CHARACTERS = 64;
const ID = new RegExp(`^[A-Za-z0-9_.-]{1,${MAX_ID_CHARACTERS}}$`);
const MAX_VPCS = 100;

/** An id of the network's, which names nothing here. */
export const networkId: z.ZodType<string> = z.string().regex(ID, {
  error: `It must have 1 to ${MAX_ID_CHARACTERS} letters, digits, dots, underlines and hyphens.`,
});

/** Ids with commas between them. */
export function networkIds({
  min,
  max,
  areDifferent = false,
}: {
  readonly min: number;
  readonly max: number;
  readonly areDifferent?: boolean;
}): z.ZodType<readonly string[]> {
  const number = min === max ? min : `${min} to ${max}`;
  return z
    .string()
    .transform((text) => text.split(","))
    .refine(
      (ids) =>
        ids.length >= min &&
        ids.length <= max &&
        (!areDifferent || new Set(ids).size === ids.length) &&
        ids.every((id) => ID.test(id)),
      { error: `It must be ${number} ${areDifferent ? "different " : ""}ids with commas between them.` },
    );
}

/** A network that an instance was said to be reached from. */
export interface Vpc {
  readonly vpcId: string;
  readonly vSwitchId: string;
  readonly regionId: string;
  readonly ownerId: string;
}

const vpcRecord = z
  .object({ VpcId: networkId, VSwitchId: networkId, RegionId: networkId, VpcOwnerId: networkId })
  .transform(({ VpcId: vpcId, VSwitchId: vSwitchId, RegionId: regionId, VpcOwnerId: ownerId }): Vpc => ({
    vpcId,
    vSwitchId,
    regionId,
    ownerId,
  }));

/** VPCs as a JSON array, each once. */
export const vpcsJson: z.ZodType<readonly Vpc[]> = jsonText(
  z
    .array(vpcRecord)
    .max(MAX_VPCS)
    .refine((vpcs) => new Set(vpcs.map(({ vpcId }) => vpcId)).size === vpcs.length),
  `It must be a JSON array of at most ${MAX_VPCS} objects {"VpcId","VSwitchId","RegionId","VpcOwnerId"}, of different VPCs.`,
);

/** A VPC as the API tells it. */
export function toBindVpc({ vpcId, vSwitchId, regionId, ownerId }: Vpc) {
  return { VpcId: vpcId, VSwitchId: vSwitchId, RegionId: regionId, VpcOwnerId: ownerId };
}
