import { ProcessIo } from "../src/io.ts";
import { run } from "../src/run.ts";

// Runs the command, and prints how much memory the process has had at most, in bytes.
process.exitCode = await run(process.argv.slice(2), new ProcessIo());
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
