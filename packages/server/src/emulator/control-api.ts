import type { z } from "zod";
import type { EmulatorRequest } from "../listener/index.ts";
import { faultSchema, resetSchema, snapshotSchema, timeSchema } from "./control-schema.ts";
import type { Emulator } from "./emulator.ts";
import type { StandingRule } from "./fault-rules.ts";
import { Refusal } from "./refusal.ts";
import { FRESH } from "./snapshots.ts";

const JSON_TYPE = /^application\/json(?:;|$)/i;
const PATHS = "/emulator, /emulator/time, /emulator/faults, /emulator/snapshot and /emulator/reset";

interface Answer {
  readonly status: number;
  readonly answer: object;
}

/** What can be asked of an emulator on its admin listener: docs/emulator.md. */
export class ControlApi {
  readonly #emulator: Emulator;

  constructor(emulator: Emulator) {
    this.#emulator = emulator;
  }

  /** @param request - of somebody on this machine, and not of a page in a browser. */
  async answer(request: EmulatorRequest): Promise<Answer> {
    try {
      return await this.#route(request);
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, answer: { error: error.message } };
      const reason = error instanceof Error ? error.message : String(error);
      return { status: 500, answer: { error: `This could not be done: ${reason}` } };
    }
  }

  async #route(request: EmulatorRequest): Promise<Answer> {
    const emulator = this.#emulator;
    const { method, path } = request;
    const [, faultId] = /^\/emulator\/faults\/([0-9]{1,9})$/.exec(path) ?? [];
    switch (`${method} ${faultId === undefined ? path : "/emulator/faults/ID"}`) {
      case "GET /emulator":
        return { status: 200, answer: { ...(await emulator.state()), faults: emulator.faults.map(toJson) } };
      case "POST /emulator/time":
        return { status: 200, answer: await emulator.travel(read(request, timeSchema)) };
      case "GET /emulator/faults":
        return { status: 200, answer: { faults: emulator.faults.map(toJson) } };
      case "POST /emulator/faults": {
        const rule = read(request, faultSchema(emulator.operations));
        return { status: 201, answer: toJson(emulator.addFault(rule)) };
      }
      case "DELETE /emulator/faults":
        emulator.removeFaults();
        return { status: 200, answer: { faults: [] } };
      case "DELETE /emulator/faults/ID":
        emulator.removeFaults(Number(faultId));
        return { status: 200, answer: { faults: emulator.faults.map(toJson) } };
      case "POST /emulator/snapshot":
        return { status: 201, answer: await emulator.snapshot(read(request, snapshotSchema).name) };
      case "POST /emulator/reset":
        return { status: 200, answer: await emulator.reset(read(request, resetSchema).to ?? FRESH) };
      default:
        throw new Refusal(404, `There are ${PATHS}: see docs/emulator.md.`);
    }
  }
}

function read<T>({ headers, body }: EmulatorRequest, schema: z.ZodType<T>): T {
  // A page in a browser cannot send this type to another site without asking first, and is not told yes.
  if (!JSON_TYPE.test(headers["content-type"] ?? "")) {
    throw new Refusal(415, "The body has to be JSON, with Content-Type: application/json.");
  }
  let value: unknown;
  try {
    value = JSON.parse(body.length === 0 ? "{}" : body.toString("utf8"));
  } catch {
    throw new Refusal(400, "The body is not JSON.");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `${issue.path.join(".")}: ` : "";
  throw new Refusal(400, `${where}${issue?.message}.`);
}

/** As it was given, with what it has got. */
function toJson({ id, hits, operations, account, calls, probability, seed, effect }: StandingRule): object {
  return {
    id,
    hits,
    operation: operations,
    account,
    calls,
    probability,
    seed,
    effect:
      effect.kind === "latency"
        ? { kind: effect.kind, millis: { from: effect.fromMillis, to: effect.toMillis } }
        : effect,
  };
}
