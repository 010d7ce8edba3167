import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "../api.ts";
import { onShares } from "../resource-name.ts";

const NAME = "EnableSharingWithResourceDirectory";

export const enableSharing = defineOperation({
  ...resourceSharing,
  name: NAME,
  summary: "Is answered that it was done already: the whole deployment is one resource directory.",
  kind: "read",
  readWrite: "Write",
  parameters: {},
  result: z.object({}),
  recordedResult: [],
  errors: ["AlreadyEnabled"],
  target: () => undefined,
  access: (context) => [onShares(context, NAME)],
  handle: () => {
    throw new ApiError("AlreadyEnabled");
  },
});
