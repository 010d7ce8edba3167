import { errorMembers, type ErrorAnswer } from "./response.ts";
import { invalidParameter } from "./wire-error.ts";

/** The content type of every answer in XML, in the spelling that official clients compare with. */
export const XML_CONTENT_TYPE = "text/xml;charset=utf-8";

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>';

/** All that is no Char of XML 1.0 (fifth edition), section 2.2, unpaired surrogates included. */
const NO_CHARACTERS = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

/** Names that an element may have in any version of XML: ASCII, without a colon, not beginning with `xml`. */
const ELEMENT_NAME = /^(?!xml)[a-z_][a-z0-9_.-]*$/i;

/**
 * Writes the body of an answer as XML: the members of the JSON answer as elements of `<ActionResponse>`, in their order.
 *
 * @throws WireError `InvalidParameter`, which names Format, if the answer holds a character that XML cannot: to leave it
 * out would make another text of a plaintext.
 */
export function encodeXmlResult({
  action,
  requestId,
  result,
}: {
  /** The operation's name. */
  action: string;
  requestId: string;
  result: Readonly<Record<string, unknown>> & { Code?: never };
}): string {
  const xml = encodeDocument(`${action}Response`, { RequestId: requestId, ...result });
  if (xml.search(NO_CHARACTERS) !== -1) {
    throw invalidParameter("Format", "The answer holds a character that XML 1.0 cannot hold. Ask for JSON.");
  }
  return xml;
}

/**
 * Writes the body of an error as XML, `<Error>` with the members of the JSON error. What XML cannot hold of a message that
 * repeats the request is replaced by U+FFFD.
 */
export function encodeXmlError(answer: ErrorAnswer): string {
  return encodeDocument("Error", errorMembers(answer)).replaceAll(NO_CHARACTERS, "\u{fffd}");
}

function encodeDocument(root: string, members: object): string {
  return `${DECLARATION}<${root}>${encodeMembers(members)}</${root}>`;
}

function encodeMembers(members: object): string {
  return Object.entries(members)
    .map(([name, value]: [string, unknown]) => encodeMember(name, value))
    .join("");
}

/** A list is its element again and again, an empty one nothing. */
function encodeMember(name: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (!Array.isArray(value)) return encodeElement(name, value);
  return value.map((item: unknown) => encodeElement(name, item)).join("");
}

function encodeElement(name: string, value: unknown): string {
  const content = encodeContent(name, value);
  if (ELEMENT_NAME.test(name)) return `<${name}>${content}</${name}>`;
  return `<entry key="${escapeAttribute(name)}">${content}</entry>`;
}

/** @param name - of the element; it is also that of the items of a list within a list. */
function encodeContent(name: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return escapeText(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return encodeMember(name, value);
  if (typeof value === "object") return encodeMembers(value);
  throw new TypeError(`An answer cannot hold a ${typeof value}`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** A reader makes a line feed of a carriage return (XML 1.0, section 2.11), but not of the reference to one. */
function escapeText(text: string): string {
  return text.replaceAll(/[&<>\r]/g, escapeCharacter);
}

/** In an attribute, all white space would become spaces (XML 1.0, section 3.3.3). */
function escapeAttribute(text: string): string {
  return text.replaceAll(/[&<>"\t\n\r]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return ESCAPES[character] ?? character;
}
