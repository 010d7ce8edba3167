import { unreadable } from "./wire-error.ts";

const NOT_UNRESERVED = /[^A-Za-z0-9\-._~]/;
const LEFT_BY_ENCODE_URI_COMPONENT = /[!'()*]/;
const EACH_LEFT = /[!'()*]/g;

/**
 * Percent-encodes the UTF-8 bytes of all but the unreserved characters of RFC 3986, section 2.3.
 *
 * @throws URIError if `text` holds a lone surrogate; decoded parameters never do.
 */
export function percentEncode(text: string): string {
  if (!NOT_UNRESERVED.test(text)) return text;
  const encoded = encodeURIComponent(text);
  return LEFT_BY_ENCODE_URI_COMPONENT.test(encoded) ? encoded.replaceAll(EACH_LEFT, encodeCharacter) : encoded;
}

/**
 * As Alibaba's ACS4 client for Node.js encodes a name or a value: `!'()` stay as they are, and so does every `*` but the
 * first. Decoded, the result is `text` again, so it means nothing else.
 */
export function percentEncodeAsNodeClient(text: string): string {
  return encodeURIComponent(text).replace("*", "%2A");
}

/** `percentEncode` applied twice. */
export function percentEncodeTwice(text: string): string {
  if (!NOT_UNRESERVED.test(text)) return text;
  return percentEncode(text).replaceAll("%", "%25");
}

/**
 * Decodes one name or value of a query or form, `+` meaning a space.
 *
 * @throws WireError `ParseRequestParameterException` for a `%` without two hexadecimal digits and for bytes that are not UTF-8.
 */
export function percentDecode(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw unreadable("A percent-encoded parameter is cut short or is not UTF-8.");
  }
}

function encodeCharacter(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
