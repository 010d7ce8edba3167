import { ProcessIo } from "./io.ts";
import { run } from "./run.ts";

const io = new ProcessIo();
process.exitCode = await run(process.argv.slice(2), io);
// Now that everything is cleaned up, end as the signal would have: a shell then knows to end its loop or script too.
if (io.interruptedBy !== undefined) process.kill(process.pid, io.interruptedBy);
