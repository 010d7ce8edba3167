import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";

import { type ClientKeyId, isId, parseId } from "../platform/ids.ts";

const PREFIX = "KAAP.";
const RANDOM_BYTES = 10;
const TAG_CHARACTERS = 12;

/**
 * Makes the id of a client key: `KAAP.` and a UUID of version 4, like those of Alibaba Cloud, of which the last twelve digits
 * authenticate what stands before them: HMAC-SHA256 under `tagKey`, its first 48 bits.
 *
 * @param tagKey - the deployment's `accessKeyTag`.
 */
export function issueClientKeyId(tagKey: KeyObject): ClientKeyId {
  const random = randomBytes(RANDOM_BYTES);
  random[6] = ((random[6] ?? 0) & 0x0f) | 0x40;
  random[8] = ((random[8] ?? 0) & 0x3f) | 0x80;
  const body = `${PREFIX}${random.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})$/, "$1-$2-$3-$4")}-`;
  return parseId("ClientKey", body + tag(tagKey, body));
}

/**
 * Whether {@link issueClientKeyId} made this id, as far as its tag tells: of invented ones, one in 2^48 passes. It keeps
 * invented ids away from the store and grants nothing. The tag is compared in constant time.
 */
export function isIssuedClientKeyId(tagKey: KeyObject, text: string): text is ClientKeyId {
  if (!isId("ClientKey", text)) return false;
  const expected = tag(tagKey, text.slice(0, -TAG_CHARACTERS));
  return timingSafeEqual(Buffer.from(text.slice(-TAG_CHARACTERS), "latin1"), Buffer.from(expected, "latin1"));
}

function tag(tagKey: KeyObject, body: string): string {
  return createHmac("sha256", tagKey).update(body).digest("hex").slice(0, TAG_CHARACTERS);
}
