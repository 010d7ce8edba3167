import { ApiError, type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { detail, email, mobilePhone, newUserName, USER_NAME_ERRORS, userName } from "./user-parameters.ts";
import { changeUser, findUserByName, loadUserByName, touchedUser } from "./user-repository.ts";
import { toUserView, userView } from "./user-view.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const updateUser = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "UpdateUser",
    summary: "Changes a user's name and details. What is left out stays as it is.",
    kind: "control",
    queue: "rights",
    queuedWith: "NewUserName",
    readWrite: "Write",
    parameters: {
      UserName: userName,
      NewUserName: newUserName,
      NewDisplayName: detail(
        {
          length: "InvalidParameter.NewDisplayName.Length",
          invalidChars: "InvalidParameter.NewDisplayName.InvalidChars",
        },
        "The name that people see.",
      ),
      NewMobilePhone: mobilePhone("InvalidParameter.NewMobilePhone.Format", "The number of the user's mobile phone."),
      NewEmail: email("InvalidParameter.NewEmail.Format", "The user's address."),
      NewComments: detail(
        { length: "InvalidParameter.NewComments.Length", invalidChars: "InvalidParameter" },
        "What else is to be said.",
      ),
    },
    result: z.object({ User: userView, ...warningsResult }),
    recordedResult: [],
    errors: [
      ...USER_NAME_ERRORS,
      "InvalidParameter.NewUserName.InvalidChars",
      "InvalidParameter.NewUserName.Length",
      "InvalidParameter.NewDisplayName.InvalidChars",
      "InvalidParameter.NewDisplayName.Length",
      "InvalidParameter.NewComments.Length",
      "InvalidParameter.NewMobilePhone.Format",
      "InvalidParameter.NewEmail.Format",
      "EntityNotExist.User",
      "EntityAlreadyExists.User",
      ...SEPARATION_ERRORS,
    ],
    target: (_context, { UserName: name, NewUserName: newName = name }) => ({ name, newName }),
    // Policies name users: whoever gives a user another name gives it what that name may do.
    access: (context, { name, newName }) => [
      onNamed(context, "ram:UpdateUser", { type: "user", name }),
      ...(newName === name ? [] : [onNamed(context, "ram:UpdateUser", { type: "user", name: newName })]),
    ],
    async handle(context, parameters, { name, newName }) {
      const user = await loadUserByName(context, name);
      const { accountId } = user;
      if (newName !== name && (await findUserByName(context, { accountId, userName: newName })) !== undefined) {
        throw new ApiError("EntityAlreadyExists.User");
      }
      const next = {
        userName: newName,
        displayName: parameters.NewDisplayName ?? user.displayName,
        mobilePhone: parameters.NewMobilePhone ?? user.mobilePhone,
        email: parameters.NewEmail ?? user.email,
        comments: parameters.NewComments ?? user.comments,
      };
      const plan = {
        result: { User: toUserView({ ...user, ...next, updatedAt: context.now }) },
        changes: [changeUser(context, user, next)],
        touched: [touchedUser(user.userId)],
      };
      if (newName === name) return plan;
      return separation.settle(context, { kind: "user-name", userId: user.userId, userName: newName }, plan);
    },
  });
