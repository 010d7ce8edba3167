import type { RpcRequest } from "@cinnabar/rpc";

const ACCOUNT = "1234567890123456";
const alice = { Type: "ram-user", AccountId: ACCOUNT, PrincipalId: "201111111111111111", Name: "alice" };
const guest = { Type: "assumed-role", AccountId: "6543210987654321", PrincipalId: "31", Name: "gu\u202eest" };
const decrypt = { Operation: "Kms.Decrypt", FirstDate: "2026-01-02T03:04:05Z", LastDate: "2026-01-03T00:00:00Z" };
const encrypt = { ...decrypt, Operation: "Kms.Encrypt" };

/** A trial of two pages; of `alias/unused` nothing is on record. */
export function tryPolicy({ parameters }: RpcRequest): Record<string, unknown> {
  const range = { StartTime: "2026-01-01T12:00:00Z", EndTime: "2026-01-31T12:00:00Z" };
  if (parameters.get("KeyId") === "alias/unused") return { ...range, Outcomes: { Outcome: [] } };
  if (parameters.get("NextToken") === undefined) {
    const outcomes = [
      { Outcome: "Unchanged", ...alice, ...encrypt, Calls: 900, LastEventId: "A" },
      { Outcome: "CircumstancesUnknown", ...guest, ...encrypt, Calls: 3, LastEventId: "B" },
      { Outcome: "NewlyRefused", ...alice, ...decrypt, Calls: 10, LastEventId: "C" },
    ];
    return { ...range, Outcomes: { Outcome: outcomes }, NextToken: "next" };
  }
  const older = { ...decrypt, FirstDate: "2026-01-01T13:00:00Z", LastDate: "2026-01-02T00:00:00Z" };
  return {
    ...range,
    Outcomes: { Outcome: [{ Outcome: "NewlyRefused", ...alice, ...older, Calls: 2, LastEventId: "D" }] },
  };
}
