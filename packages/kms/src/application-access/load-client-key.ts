import { ApiError, proceed, required, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { findClientKey, type StoredClientKey } from "./client-key-repository.ts";

const MAX_ID_CHARACTERS = 64;

/** The id of a client key. Nothing says yet that it exists, or even could. */
export const clientKeyId = required({
  schema: z.string().max(MAX_ID_CHARACTERS, `It must have at most ${MAX_ID_CHARACTERS} characters.`),
  description: "The client key's id.",
});

/** What a call about a client key of the caller's account is about: rights are those on its access point. */
export interface ClientKeyTarget {
  readonly resource: "applicationaccesspoint";
  readonly name: string;
  readonly clientKey: StoredClientKey;
}

/** @throws ApiError `Forbidden.ResourceNotFound`, also for one of another account. */
export function loadClientKey(context: RequestContext, id: string): ClientKeyTarget | Promise<ClientKeyTarget> {
  return proceed(findClientKey(context, id), (clientKey) => {
    if (clientKey?.accountId !== context.principal.accountId) throw new ApiError("Forbidden.ResourceNotFound");
    return { resource: "applicationaccesspoint", name: clientKey.accessPoint, clientKey };
  });
}
