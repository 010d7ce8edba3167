import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";

export const describeRegions = defineOperation({
  ...kms,
  name: "DescribeRegions",
  summary: "Names the region that this deployment is.",
  kind: "unrecorded",
  readWrite: "Read",
  parameters: {},
  result: z.object({ Regions: z.object({ Region: z.array(z.object({ RegionId: z.string() })) }) }),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: () => [],
  handle: ({ region }) => ({ result: { Regions: { Region: [{ RegionId: region }] } } }),
});
