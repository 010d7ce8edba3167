import { createHmac, randomUUID } from "node:crypto";
import type { Emulator } from "../src/index.ts";

export type Answer = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

/** Calls an operation as any client would, signed with signature version 1 of the RPC gateway. @throws Error with `code`. */
export async function call(
  { endpoint, accessKeyId, accessKeySecret }: Pick<Emulator, "endpoint" | "accessKeyId" | "accessKeySecret">,
  action: string,
  parameters: Readonly<Record<string, string | number>> = {},
): Promise<Answer> {
  const all: Record<string, string | number> = {
    ...parameters,
    Action: action,
    AccessKeyId: accessKeyId,
    Format: "JSON",
    SignatureMethod: "HMAC-SHA1",
    SignatureNonce: randomUUID(),
    SignatureVersion: "1.0",
    Timestamp: `${new Date().toISOString().slice(0, 19)}Z`,
    Version: "2016-01-20",
  };
  const query = Object.keys(all)
    .toSorted()
    .map((name) => `${encode(name)}=${encode(String(all[name]))}`)
    .join("&");
  const text = `GET&${encode("/")}&${encode(query)}`;
  const signature = createHmac("sha1", `${accessKeySecret}&`).update(text).digest("base64");
  const response = await fetch(`${endpoint}/?${query}&Signature=${encode(signature)}`);
  const answer = (await response.json()) as Answer & { readonly Code?: string; readonly Message?: string };
  if (response.ok) return answer;
  throw Object.assign(new Error(`${answer.Code}: ${answer.Message}`), { code: answer.Code, status: response.status });
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
