import type { AccessRequest, RequestContext } from "@cinnabar/kernel";
import { onNamed } from "../resource-name.ts";

/** Who is to belong to which group. */
export interface MemberTarget {
  readonly groupName: string;
  readonly userName: string;
}

/** The right to change who belongs to a group: on the group and on the user (RAM, "Grant permissions"). */
export function onMember(
  context: RequestContext,
  action: string,
  { groupName, userName }: MemberTarget,
): readonly AccessRequest[] {
  return [
    onNamed(context, action, { type: "group", name: groupName }),
    onNamed(context, action, { type: "user", name: userName }),
  ];
}
