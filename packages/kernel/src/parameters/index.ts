export { integerText } from "./integer-text.ts";
export { jsonText } from "./json-text.ts";
export { booleanText, oneOf } from "./one-of.ts";
export { isStorable, storableText } from "./storable-text.ts";
export { unsupportedParameter } from "./unsupported-parameter.ts";
