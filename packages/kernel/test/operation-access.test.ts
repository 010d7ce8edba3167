import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase, PolicyAuthorizer } from "@cinnabar/testkit";
import type { Principal } from "../src/operation/principal.ts";
import { rootPrincipal } from "../src/operation/principal.ts";
import { TestDeployment } from "./support/deployment.ts";
import { type LoggedEvent, readEvents } from "./support/read-log.ts";
import { ACCESS_KEY_ID, ACCOUNT, type Reply, sign, TestService } from "./support/test-service.ts";

const STARTED_AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const common = { accountId: ACCOUNT, accessKeyId: ACCESS_KEY_ID };

const user: Principal = {
  ...common,
  type: "ram-user",
  arn: `acs:ram::${ACCOUNT}:user/alice`,
  userId: "200000000000000001",
  userName: "alice",
};
const role: Principal = {
  ...common,
  type: "assumed-role",
  arn: `acs:ram::${ACCOUNT}:role/reader/batch`,
  roleId: "300000000000000001",
  roleName: "reader",
  sessionName: "batch",
  sessionPolicy: undefined,
  mfaPresent: true,
  startedAt: STARTED_AT,
};
const service: Principal = {
  ...common,
  type: "service",
  arn: `acs:ram::${ACCOUNT}:service/oss`,
  serviceName: "oss",
};

/** As ActionTrail writes them ("Management event structure", userIdentity). */
const IDENTITIES: readonly (readonly [Principal, object])[] = [
  [rootPrincipal(common), { ...common, principalId: ACCOUNT, type: "root-account", userName: "root" }],
  [user, { ...common, principalId: "200000000000000001", type: "ram-user", userName: "alice" }],
  [
    role,
    {
      ...common,
      principalId: "300000000000000001:batch",
      sessionContext: { attributes: { creationDate: "2026-01-02T03:04:05Z", mfaAuthenticated: "true" } },
      type: "assumed-role",
      userName: "reader:batch",
    },
  ],
  [service, { ...common, principalId: "oss.aliyuncs.com", type: "system", userName: "oss.aliyuncs.com" }],
];

async function recordOf(deployment: TestDeployment, service: TestService, { requestId }: Reply): Promise<LoggedEvent> {
  const events = await readEvents(deployment.backend, service.process.shard);
  const [event, ...more] = events.filter(({ eventId }) => eventId === requestId);
  assert.ok(event && more.length === 0, "a call has one record");
  return event;
}

forEachDatabase((database) => {
  test("an event says who called, whatever kind of principal that is", async () => {
    await using deployment = await TestDeployment.create(database);
    const process = await deployment.open();
    for (const [principal, userIdentity] of IDENTITIES) {
      using service = await TestService.start(deployment, { process, principal });
      const event = await recordOf(deployment, service, await service.call("ListThings"));
      assert.deepEqual(event["userIdentity"], userIdentity);
      assert.equal(event.additionalEventData?.["mfaPresent"], principal.type === "assumed-role");
    }
  });

  test("a refusal says why in its body, as JSON and as XML, and in its event", async () => {
    await using deployment = await TestDeployment.create(database);
    const authorizer = new PolicyAuthorizer().grant(
      { accountId: ACCOUNT, kind: "user", name: "alice" },
      { Effect: "Deny", Action: "test:DescribeThing", Resource: "*", Sid: "stop" },
    );
    using service = await TestService.start(deployment, { authorizer, principal: user });
    const reply = await service.call("DescribeThing", { Id: "mine" });
    assert.deepEqual([reply.status, reply.json["Code"]], [403, "Forbidden.NoPermission"]);
    const detail = reply.json["AccessDeniedDetail"] as Readonly<Record<string, unknown>>;
    const { smallestChange, EncodedDiagnosticMessage, ...rest } = detail;
    assert.match(String(EncodedDiagnosticMessage), /^[A-Za-z0-9_-]{100,}$/);
    const statement = { policy: "Custom/test-1", index: 0, sid: "stop" };
    assert.deepEqual(rest, {
      AuthAction: "test:DescribeThing",
      AuthPrincipalType: "SubUser",
      AuthPrincipalDisplayName: "200000000000000001",
      AuthPrincipalOwnerId: ACCOUNT,
      NoPermissionType: "ExplicitDeny",
      PolicyType: "AccountLevelIdentityBasedPolicy",
      resource: "acs:test:::mine",
      gate: "identity",
      statement,
    });
    assert.ok(typeof smallestChange === "string" && smallestChange.length > 10);
    const event = await recordOf(deployment, service, reply);
    assert.deepEqual(event.additionalEventData?.["accessDenied"], {
      action: "test:DescribeThing",
      gate: "identity",
      gates: [
        {
          gate: "identity",
          matched: [{ effect: "Deny", ...statement }],
          nearlyMatched: [],
          required: "either",
          verdict: "Deny",
        },
        { gate: "resource", matched: [], nearlyMatched: [], required: "either", verdict: "None" },
      ],
      resource: "acs:test:::mine",
      smallestChange,
      statement,
      type: "ExplicitDeny",
    });

    const { body } = await service.send(sign("DescribeThing", { Id: "mine" }, { format: "XML" }));
    assert.match(body, /<AccessDeniedDetail><AuthAction>test:DescribeThing<\/AuthAction>/);
    assert.match(body, /<statement><index>0<\/index><policy>Custom\/test-1<\/policy><sid>stop<\/sid><\/statement>/);
  });

  test("what another account does not allow looks like what is missing, and leaves the same record", async () => {
    await using deployment = await TestDeployment.create(database);
    const authorizer = new PolicyAuthorizer();
    authorizer.grant(
      { accountId: ACCOUNT, kind: "user", name: "alice" },
      { Effect: "Allow", Action: "*", Resource: "*" },
    );
    for (const principal of [user, rootPrincipal(common), role]) {
      using service = await TestService.start(deployment, { authorizer, principal });
      const [foreign, missing] = [
        await service.call("DescribeThing", { Id: "foreign" }),
        await service.call("DescribeThing", { Id: "missing" }),
      ];
      const bodies = [foreign, missing].map(({ body, requestId }) => body.replaceAll(requestId, ""));
      assert.equal(bodies[0], bodies[1]);
      assert.equal(foreign.json["Code"], "Forbidden.KeyNotFound");
      const events = [await recordOf(deployment, service, foreign), await recordOf(deployment, service, missing)];
      const [one, other] = events.map(({ additionalEventData }) => ({ ...additionalEventData, nonceDigest: "" }));
      assert.deepEqual(one, other);
    }
  });
});
