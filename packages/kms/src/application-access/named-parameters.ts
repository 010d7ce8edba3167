import { optional, required, storableText } from "@cinnabar/kernel";
import { accessName, MAX_DESCRIPTION_CHARACTERS } from "./access-name.ts";

/** The name of something that there is. */
export const name = required({ schema: accessName, description: "Its name." });

/** The name of something that is to be. */
export const newName = required({
  schema: accessName,
  description: "Its name, which nothing of the kind in the account has, and which stays.",
});

export const description = optional({
  schema: storableText({ maxCharacters: MAX_DESCRIPTION_CHARACTERS }),
  description: `What it is for, in words: at most ${MAX_DESCRIPTION_CHARACTERS} characters.`,
});

/** Entries of a page of what gives applications their access (Alibaba Cloud SDK, "ListNetworkRules"). */
export const DEFAULT_PAGE_SIZE = 20;
