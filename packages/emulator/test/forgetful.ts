import { startEmulator } from "../src/index.ts";

// A test that forgets to stop its emulator: nothing holds the process but its input.
const { data, endpoint } = await startEmulator();
process.stdout.write(JSON.stringify({ data, endpoint }));
process.stdin.resume();
