import { ApiError, type DeclaredOperation, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { resourceSharing } from "./api.ts";

/** Published, and not needed to share an instance: there are no invitations, other permissions, tags or resource groups. */
const NAMES = [
  "AcceptResourceShareInvitation",
  "RejectResourceShareInvitation",
  "ListResourceShareInvitations",
  "AssociateResourceSharePermission",
  "DisassociateResourceSharePermission",
  "GetPermission",
  "ListPermissions",
  "ListPermissionVersions",
  "ListTagResources",
  "TagResources",
  "UntagResources",
  "ChangeResourceGroup",
  "DescribeRegions",
] as const;

/** Declared so that callers read that they are refused, and not that there is no such operation. */
export const notServed: readonly DeclaredOperation[] = NAMES.map((name) =>
  defineOperation({
    ...resourceSharing,
    name,
    summary: "Is refused: not served.",
    kind: "read",
    readWrite: "Read",
    parameters: {},
    result: z.object({}),
    recordedResult: [],
    errors: ["UnsupportedOperation"],
    target: () => undefined,
    access: () => [],
    handle: () => {
      throw new ApiError("UnsupportedOperation");
    },
  }),
);
