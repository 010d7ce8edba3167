const IMPORT = /^import (?:(?<whole>[\w$]+)(?:, )?)?(?:\{ (?<names>[^}]*) \})? from "(?<module>node:[\w/]+)";$/;

/**
 * Has a bundle take what it needs of Node's own modules without importing them: to import `node:http` is to load all that
 * it exports, a client for `fetch` and WebSockets among it, and that is a tenth of a start.
 *
 * @param code - with its imports as the bundler writes them, one a line. One of another form stays: it only takes longer.
 */
export function takeBuiltins(code: string): string {
  return code.replaceAll(/^import .* from "node:.*$/gm, (line) => {
    const { whole, names, module } = IMPORT.exec(line)?.groups ?? {};
    if (module === undefined) return line;
    const builtin = `process.getBuiltinModule(${JSON.stringify(module)})`;
    const taken = [
      ...(whole === undefined ? [] : [`${whole} = ${builtin}`]),
      ...(names === undefined ? [] : [`{ ${names.replaceAll(" as ", ": ")} } = ${builtin}`]),
    ];
    return `const ${taken.join(", ")};`;
  });
}
