import type { DeclaredOperation } from "@cinnabar/kernel";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { fixedBytesOf, readCall, seedsOf } from "../service/call-seeds.ts";
import { FormCaller } from "../service/form-caller.ts";
import { changingOperations, readingOperations } from "../service/operations.ts";
import { sharedService } from "../service/service.ts";
import { makeWorkingSet } from "../service/working-set.ts";

const LANES = 16;

/** Parameters of the operations that read and encrypt, in requests that are rightly signed. */
export const callsTarget: TargetDeclaration = {
  name: "calls",
  what: "parameters of reading and cryptographic operations, rightly signed",
  group: "service",
  weight: 70,
  async open() {
    const service = await sharedService();
    const values = await makeWorkingSet(service);
    const caller = new FormCaller(service.server);
    const before = service.digest();
    return {
      ...common(readingOperations),
      lanes: LANES,
      async attempt(input) {
        const { status, code } = await send(caller, input, values);
        return code ?? String(status);
      },
      async endRound() {
        await service.assertSound();
        if (service.digest() !== before) throw new Violation("calls that change nothing have changed the store");
      },
      [Symbol.asyncDispose]: () => Promise.resolve(caller[Symbol.dispose]()),
    };
  },
};

/** Parameters of the operations that change something: what is refused must have changed nothing. */
export const changesTarget: TargetDeclaration = {
  name: "changes",
  what: "parameters of operations that change something, rightly signed",
  group: "service",
  weight: 15,
  async open() {
    const service = await sharedService();
    let values = await makeWorkingSet(service);
    const caller = new FormCaller(service.server);
    let before = service.digest();
    return {
      ...common(changingOperations),
      async attempt(input) {
        const { status, code } = await send(caller, input, values);
        const after = service.digest();
        if (code !== undefined && after !== before)
          throw new Violation(`a call that was refused with ${code} changed the store`);
        before = after;
        return code ?? String(status);
      },
      async endRound() {
        await service.assertSound();
        // Calls that were taken have disabled the keys, or scheduled their deletion.
        values = await makeWorkingSet(service);
        before = service.digest();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(caller[Symbol.dispose]()),
    };
  },
};

function common(operations: readonly DeclaredOperation[]): Pick<Target, "seeds" | "fixedBytes"> {
  return { seeds: operations.flatMap(seedsOf), fixedBytes: fixedBytesOf };
}

function send(caller: FormCaller, input: Uint8Array, values: Parameters<typeof readCall>[1]) {
  const { action, version, fields } = readCall(input, values);
  return caller.call([
    [Buffer.from("Action"), Buffer.from(action)],
    [Buffer.from("Version"), Buffer.from(version)],
    ...fields,
  ]);
}
