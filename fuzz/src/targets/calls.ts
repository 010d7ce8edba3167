import type { DeclaredOperation } from "@cinnabar/kernel";
import { type TargetDeclaration, Violation } from "../engine/target.ts";
import {
  fixedBytesOf,
  KEY_VOCABULARY,
  type PlaceholderValues,
  readCall,
  seedsOf,
  type Vocabulary,
} from "../service/call-seeds.ts";
import { FormCaller } from "../service/form-caller.ts";
import { IDENTITY_VOCABULARY } from "../service/identity-seeds.ts";
import { makeIdentitySet } from "../service/identity-set.ts";
import {
  changingIdentityOperations,
  changingOperations,
  readingIdentityOperations,
  readingOperations,
} from "../service/operations.ts";
import { type Service, sharedService } from "../service/service.ts";
import { makeWorkingSet } from "../service/working-set.ts";

const LANES = 16;

/** Who makes calls, and what they may name. */
interface Scene {
  readonly caller: FormCaller;
  readonly values: PlaceholderValues;
}

/** Some operations, and how calls of them are made. */
interface Area {
  readonly operations: readonly DeclaredOperation[];
  readonly vocabulary: Vocabulary;
  set(service: Service): Promise<Scene>;
}

type Described = Pick<TargetDeclaration, "name" | "what" | "weight">;

async function setKeys(service: Service): Promise<Scene> {
  return { caller: new FormCaller(service.server), values: await makeWorkingSet(service) };
}

async function setIdentities(service: Service): Promise<Scene> {
  const { credentials, values } = await makeIdentitySet(service);
  return { caller: new FormCaller({ endpoint: service.server.endpoint, credentials }), values };
}

const keys = { vocabulary: KEY_VOCABULARY, set: setKeys } as const;
const identities = { vocabulary: IDENTITY_VOCABULARY, set: setIdentities } as const;

/** Parameters of the operations that read and encrypt, in requests that are rightly signed. */
export const callsTarget = readingTarget(
  { name: "calls", what: "parameters of reading and cryptographic operations, rightly signed", weight: 70 },
  { operations: readingOperations, ...keys },
);

/** Parameters of the operations that change something: what is refused must have changed nothing. */
export const changesTarget = changingTarget(
  { name: "changes", what: "parameters of operations that change something, rightly signed", weight: 15 },
  { operations: changingOperations, ...keys },
);

/** The same of RAM and STS. */
export const identityCallsTarget = readingTarget(
  { name: "identity-calls", what: "parameters of RAM's and STS's reading operations, rightly signed", weight: 20 },
  { operations: readingIdentityOperations, ...identities },
);

export const identityChangesTarget = changingTarget(
  { name: "identity-changes", what: "parameters of RAM's operations that change something, rightly signed", weight: 4 },
  { operations: changingIdentityOperations, ...identities },
);

function readingTarget(described: Described, area: Area): TargetDeclaration {
  return {
    ...described,
    group: "service",
    async open() {
      const service = await sharedService();
      const scene = await area.set(service);
      const before = service.digest();
      return {
        seeds: seedsIn(area),
        fixedBytes: fixedBytesOf,
        lanes: LANES,
        async attempt(input) {
          const { status, code } = await send(scene, input);
          return code ?? String(status);
        },
        async endRound() {
          await service.assertSound();
          if (service.digest() !== before) throw new Violation("calls that change nothing have changed the store");
        },
        [Symbol.asyncDispose]: () => Promise.resolve(scene.caller[Symbol.dispose]()),
      };
    },
  };
}

function changingTarget(described: Described, area: Area): TargetDeclaration {
  return {
    ...described,
    group: "service",
    async open() {
      const service = await sharedService();
      let scene = await area.set(service);
      let before = service.digest();
      return {
        seeds: seedsIn(area),
        fixedBytes: fixedBytesOf,
        async attempt(input) {
          const { status, code } = await send(scene, input);
          const after = service.digest();
          if (code !== undefined && after !== before)
            throw new Violation(`a call that was refused with ${code} changed the store`);
          before = after;
          return code ?? String(status);
        },
        async endRound() {
          await service.assertSound();
          // Calls that were taken have disabled the keys, scheduled their deletion, or deleted the users.
          scene.caller[Symbol.dispose]();
          scene = await area.set(service);
          before = service.digest();
        },
        [Symbol.asyncDispose]: () => Promise.resolve(scene.caller[Symbol.dispose]()),
      };
    },
  };
}

function seedsIn({ operations, vocabulary }: Area): readonly Buffer[] {
  return operations.flatMap((operation) => seedsOf(operation, vocabulary));
}

function send({ caller, values }: Scene, input: Uint8Array) {
  const { action, version, fields } = readCall(input, values);
  return caller.call([
    [Buffer.from("Action"), Buffer.from(action)],
    [Buffer.from("Version"), Buffer.from(version)],
    ...fields,
  ]);
}
