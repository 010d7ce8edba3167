import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { onShares } from "../resource-name.ts";

const NAME = "CheckSharingWithResourceDirectoryStatus";

export const checkSharingStatus = defineOperation({
  ...resourceSharing,
  name: NAME,
  summary: "Tells that accounts may share within the resource directory, as which the whole deployment stands.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: z.object({ EnableSharingWithRd: z.boolean() }),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onShares(context, NAME)],
  handle: () => ({ result: { EnableSharingWithRd: true } }),
});
