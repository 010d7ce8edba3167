import { z } from "zod";
import { formatInstant } from "../api.ts";
import type { UserDetails, UserEntry } from "./user-repository.ts";

const details = {
  DisplayName: z.string().optional(),
  MobilePhone: z.string().optional(),
  Email: z.string().optional(),
  Comments: z.string().optional(),
};

/** A user as it is answered when it is made. */
export const newUserView = z.object({ UserId: z.string(), UserName: z.string(), ...details, CreateDate: z.string() });

/** A user as every other operation answers it. */
export const userView = z.object({ ...newUserView.shape, UpdateDate: z.string() });

export function toNewUserView(
  user: UserDetails & Pick<UserEntry, "userId" | "userName" | "createdAt">,
): z.infer<typeof newUserView> {
  const { userId, userName, displayName, mobilePhone, email, comments, createdAt } = user;
  return {
    UserId: userId,
    UserName: userName,
    ...(displayName !== undefined && { DisplayName: displayName }),
    ...(mobilePhone !== undefined && { MobilePhone: mobilePhone }),
    ...(email !== undefined && { Email: email }),
    ...(comments !== undefined && { Comments: comments }),
    CreateDate: formatInstant(createdAt),
  };
}

export function toUserView(
  user: UserDetails & Pick<UserEntry, "userId" | "userName" | "createdAt" | "updatedAt">,
): z.infer<typeof userView> {
  return { ...toNewUserView(user), UpdateDate: formatInstant(user.updatedAt) };
}
