import {
  ApiError,
  type DeclaredOperation,
  defineOperation,
  invalidParameter,
  optional,
  type ParameterValues,
  required,
} from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, kms } from "../api.ts";
import { accessName } from "./access-name.ts";
import { onNamed } from "./access-right.ts";
import {
  CLIENT_KEY_ALGORITHM,
  clientKeyPassword,
  defaultNotAfter,
  instant,
  MAX_CLIENT_KEYS,
  wholeSecond,
} from "./client-key.ts";
import { insertClientKey, listClientKeysOf, touchedClientKey } from "./client-key-repository.ts";
import { loadAccessPoint } from "./load-access-point.ts";
import type { ClientKeyMaker } from "./make-client-key.ts";

const parameters = {
  AapName: required({ schema: accessName, description: "The name of the access point that it is to be of." }),
  Password: required({
    schema: clientKeyPassword,
    audit: "omit",
    description:
      "What the private key is encrypted under: 8 to 64 digits, letters and ~!@#$%^&*?_-, of two of these kinds.",
  }),
  NotBefore: optional({
    schema: instant,
    description: "From when on it may be used, in UTC as yyyy-MM-ddTHH:mm:ssZ. Now by default; goes with NotAfter.",
  }),
  NotAfter: optional({
    schema: instant,
    description: "Until when it may be used, in UTC as yyyy-MM-ddTHH:mm:ssZ. For five years by default.",
  }),
};

export const createClientKey = (maker: ClientKeyMaker): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "CreateClientKey",
    summary: "Makes a client key of an access point, and gives its private key once and for all.",
    kind: "control",
    readWrite: "Write",
    parameters,
    result: z.object({
      ClientKeyId: z.string(),
      KeyAlgorithm: z.string(),
      PrivateKeyData: z.string(),
      NotBefore: z.string(),
      NotAfter: z.string(),
    }),
    recordedResult: ["ClientKeyId", "NotBefore", "NotAfter"],
    errors: ["Forbidden.ResourceNotFound", "Rejected.LimitExceeded"],
    target: (context, { AapName }) => loadAccessPoint(context, AapName),
    access: (context, target) => [onNamed(context, "kms:CreateClientKey", target)],
    async handle(context, values, { accessPoint }) {
      if ((await listClientKeysOf(context, accessPoint)).length >= MAX_CLIENT_KEYS) {
        throw new ApiError("Rejected.LimitExceeded");
      }
      const made = await maker.make(context, { ...validityOf(values, context.now), password: values.Password });
      const { id, certificate, notBefore, notAfter, pkcs12 } = made;
      const { accountId, name, incarnation } = accessPoint;
      return {
        result: {
          ClientKeyId: id,
          KeyAlgorithm: CLIENT_KEY_ALGORITHM,
          PrivateKeyData: pkcs12.toString("base64"),
          NotBefore: formatInstant(notBefore),
          NotAfter: formatInstant(notAfter),
        },
        changes: [
          insertClientKey(context, {
            id,
            accountId,
            accessPoint: name,
            incarnation,
            certificate,
            notBefore,
            notAfter,
            createdAt: context.now,
          }),
        ],
        touched: [touchedClientKey(id)],
      };
    },
  });

/** @throws ApiError `InvalidParameter` if one end is given and not the other, or if they are no time from now on. */
function validityOf(
  { NotBefore: from, NotAfter: until }: ParameterValues<typeof parameters>,
  now: number,
): { readonly notBefore: number; readonly notAfter: number } {
  if (from === undefined && until === undefined) return { notBefore: wholeSecond(now), notAfter: defaultNotAfter(now) };
  if (from === undefined) throw invalidParameter("NotBefore", "It goes with NotAfter.");
  if (until === undefined) throw invalidParameter("NotAfter", "It goes with NotBefore.");
  if (until <= from) throw invalidParameter("NotAfter", "It must be later than NotBefore.");
  if (until <= now) throw invalidParameter("NotAfter", "It must be later than now.");
  return { notBefore: from, notAfter: until };
}
