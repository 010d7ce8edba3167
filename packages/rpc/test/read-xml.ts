/** An element with its text, or with the elements in it; an answer never has both. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

const NAME = /[A-Za-z_][A-Za-z0-9_.-]*/y;
const CHARACTERS = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * Reads the part of XML 1.0 that answers are written in, as strictly as its sections 2.2 (characters), 2.4 (character
 * data), 2.11 (line ends) and 3.3.3 (attribute values) ask: no comments, instructions, CDATA sections or namespaces.
 *
 * @throws Error at the first thing that is not well-formed.
 */
export function readXml(document: string): XmlElement {
  if (!CHARACTERS.test(document)) throw new Error("a character that XML cannot hold");
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>';
  if (!document.startsWith(declaration)) throw new Error("no declaration");
  const reader = new Reader(document.slice(declaration.length).replaceAll(/\r\n?/g, "\n"));
  const root = reader.element();
  reader.end();
  return root;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  element(): XmlElement {
    this.#expect("<");
    const name = this.#name();
    const attributes: Record<string, string> = {};
    while (this.#take(" ")) {
      const attribute = this.#name();
      this.#expect('="');
      if (Object.hasOwn(attributes, attribute)) throw new Error(`attribute ${attribute} twice`);
      attributes[attribute] = resolve(this.#until('"').replaceAll(/[\t\n]/g, " "));
      this.#expect('"');
    }
    this.#expect(">");
    const raw = this.#until("<");
    if (raw.includes("]]>")) throw new Error("]]> in character data");
    const children: XmlElement[] = [];
    while (!this.#text.startsWith("</", this.#at)) {
      if (raw !== "") throw new Error("text beside elements");
      children.push(this.element());
    }
    this.#expect(`</${name}>`);
    return { name, attributes, text: resolve(raw), children };
  }

  end(): void {
    if (this.#at !== this.#text.length) throw new Error(`more after the end: ${this.#text.slice(this.#at, 20)}`);
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const [name] = NAME.exec(this.#text) ?? [];
    if (name === undefined) throw new Error(`no name at ${this.#at}`);
    this.#at += name.length;
    return name;
  }

  #until(mark: string): string {
    const end = this.#text.indexOf(mark, this.#at);
    if (end === -1) throw new Error(`no ${mark} to come`);
    const text = this.#text.slice(this.#at, end);
    if (mark === '"' && text.includes("<")) throw new Error("< in an attribute");
    this.#at = end;
    return text;
  }

  #take(text: string): boolean {
    const isThere = this.#text.startsWith(text, this.#at);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new Error(`${text} expected at ${this.#at}: ${this.#text.slice(this.#at, 20)}`);
  }
}

function resolve(text: string): string {
  return text.replaceAll(/&([^;&]*;)?/g, (reference, body: string | undefined) => {
    const name = body?.slice(0, -1) ?? "";
    const decimal = /^#([0-9]+)$/.exec(name)?.[1];
    const character = decimal === undefined ? ENTITIES[name] : String.fromCodePoint(Number(decimal));
    if (character === undefined || !CHARACTERS.test(character)) throw new Error(`no reference: ${reference}`);
    return character;
  });
}
