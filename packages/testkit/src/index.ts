export { SeededRandom } from "./crash/seeded-random.ts";
export { forEachDatabase, type TestDatabase, type TestDatabaseInstance } from "./databases.ts";
export { sharedPostgres, startPostgres, type TestPostgres } from "./postgres.ts";
export { ServerEndedError, ServerProcess, type ServerProcessOptions } from "./server-process.ts";
export { skipWithout } from "./tools.ts";
export { unpackFixture, type UnpackedFixture } from "./upgrade/fixture.ts";
