import { ApiError, defineOperation, newUserId, parseId } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { detail, email, mobilePhone, USER_NAME_ERRORS, userName } from "./user-parameters.ts";
import { countUsers, findUserByName, insertUser, touchedUser } from "./user-repository.ts";
import { newUserView, toNewUserView } from "./user-view.ts";

/** Users of one account (RAM, "Limits"). */
const MAX_USERS = 1_000;

export const createUser = defineOperation({
  ...ram,
  name: "CreateUser",
  summary: "Makes a user, who may do nothing yet.",
  // Its name and the number of users are looked at under the epoch's lock.
  kind: "control",
  readWrite: "Write",
  parameters: {
    UserName: userName,
    DisplayName: detail(
      { length: "InvalidParameter.DisplayName.Length", invalidChars: "InvalidParameter.DisplayName.InvalidChars" },
      "The name that people see.",
    ),
    MobilePhone: mobilePhone("InvalidParameter.MobilePhone.Format", "The number of the user's mobile phone."),
    Email: email("InvalidParameter.Email.Format", "The user's address."),
    Comments: detail(
      { length: "InvalidParameter.Comments.Length", invalidChars: "InvalidParameter" },
      "What else is to be said.",
    ),
  },
  result: z.object({ User: newUserView }),
  recordedResult: [],
  errors: [
    ...USER_NAME_ERRORS,
    "InvalidParameter.DisplayName.InvalidChars",
    "InvalidParameter.DisplayName.Length",
    "InvalidParameter.Comments.Length",
    "InvalidParameter.MobilePhone.Format",
    "InvalidParameter.Email.Format",
    "EntityAlreadyExists.User",
    "LimitExceeded.User",
  ],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:CreateUser", { type: "user", name })],
  async handle(context, parameters, name) {
    const { DisplayName: displayName, MobilePhone: mobilePhone, Email: email, Comments: comments } = parameters;
    const accountId = parseId("Account", context.principal.accountId);
    if ((await findUserByName(context, { accountId, userName: name })) !== undefined) {
      throw new ApiError("EntityAlreadyExists.User");
    }
    if ((await countUsers(context, accountId)) >= MAX_USERS) throw new ApiError("LimitExceeded.User");
    const user = { userId: newUserId(), accountId, userName: name, displayName, mobilePhone, email, comments };
    context.about("ACS::RAM::User", name);
    context.note({ userId: user.userId, userRevision: 1 });
    return {
      result: { User: toNewUserView({ ...user, createdAt: context.now }) },
      changes: [insertUser(context, user)],
      touched: [touchedUser(user.userId)],
    };
  },
});
