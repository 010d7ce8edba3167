import { parseArgs } from "node:util";
import { checkout } from "../server-process.ts";
import { makeFixture } from "./fixture.ts";
import { pastSources } from "./past-sources.ts";

const USAGE = `Usage: npm run fixture:data-directory -- NAME [--commit COMMIT]

Makes a data directory of each kind of database and keeps it, so that every later version is tested to upgrade it.
NAME is that of a new folder in packages/testkit/test/fixtures/data-directories. COMMIT is whose server makes it; by
default the sources as they are.`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { commit: { type: "string" }, help: { type: "boolean", short: "h" } },
});
const [name, ...more] = positionals;
if (values.help === true || name === undefined || more.length > 0 || !/^[a-z0-9-]+$/.test(name)) {
  process.stdout.write(`${USAGE}\n`);
  process.exitCode = values.help === true ? 0 : 2;
} else {
  await using past = values.commit === undefined ? undefined : await pastSources(values.commit);
  const folder = await makeFixture({ name, sources: past?.path ?? checkout });
  process.stdout.write(`Made ${folder}\n`);
}
