import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { TooBusyError } from "../src/custody/too-busy-error.ts";
import { RECORD_PATIENCE_MILLIS } from "../src/operation/responder.ts";
import { Throttle } from "../src/operation/throttle.ts";
import { CONTROL_SHARD } from "../src/store/control.ts";
import { TestDeployment } from "./support/deployment.ts";
import { correctedIds, type LoggedEvent, readEvents } from "./support/read-log.ts";
import {
  ACCESS_KEY_ID,
  ACCOUNT,
  type Reply,
  searches,
  searchesBegun,
  sign,
  signScoped,
  TestService,
  worksDone,
} from "./support/test-service.ts";

forEachDatabase((database) => {
  /** The events of a call, in the process's log and in the control log. */
  async function recordsOf(deployment: TestDeployment, service: TestService, reply: Reply): Promise<LoggedEvent[]> {
    const events = [
      ...(await readEvents(deployment.backend, service.process.shard)),
      ...(await readEvents(deployment.backend, CONTROL_SHARD)),
    ];
    return events.filter(({ eventId }) => eventId === reply.requestId);
  }

  async function recordOf(deployment: TestDeployment, service: TestService, reply: Reply): Promise<LoggedEvent> {
    const [event, ...more] = await recordsOf(deployment, service, reply);
    assert.ok(event && more.length === 0, "a call has one record");
    return event;
  }

  /** Waits until so many slow works have begun, or the call is answered without. */
  async function beginning(count: number, reply: Promise<Reply>): Promise<void> {
    const call = { isAnswered: false };
    void reply.then(() => (call.isAnswered = true));
    while (worksDone.count < count && !call.isAnswered) await new Promise((resolve) => setImmediate(resolve));
  }

  /**
   * A call's answer, if it leaves before a timer that begins with the call ends. Timers of one event loop end in their
   * order: a slow machine makes both late, and neither the first.
   */
  async function withinTwoSeconds(call: Promise<Reply>): Promise<Reply> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("no answer within two seconds")), 2_000);
    try {
      return await Promise.race([call, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  test("an event holds what was asked, who asked and what came of it, and nothing that is secret", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const before = Math.floor(service.process.store.clock.now() / 1000);
    const reply = await service.call("DescribeThing", {
      Id: "mine",
      Plaintext: "the plaintext",
      Comment: "the comment",
      "Context.b": "2",
      "Context.a": "1",
      "Hidden.x": "the hidden",
      Unknown: "the unknown",
    });
    assert.deepEqual(
      [reply.status, reply.json],
      [200, { RequestId: reply.requestId, Id: "mine", Count: 5, Secret: "not for the record" }],
    );
    const event = await recordOf(deployment, service, reply);
    const { eventTime, additionalEventData, ...rest } = event;
    assert.deepEqual(rest, {
      acsRegion: "cn-hangzhou",
      apiVersion: "2016-01-20",
      eventCategory: "Management",
      eventId: reply.requestId,
      eventName: "DescribeThing",
      eventRW: "Read",
      eventSource: "kms.test",
      eventType: "ApiCall",
      eventVersion: 1,
      isGlobal: false,
      recipientAccountId: ACCOUNT,
      referencedResources: { "ACS::Test::Thing": ["mine"] },
      requestId: reply.requestId,
      requestParameters: { Comment: "the comment", "Context.a": "1", "Context.b": "2", Id: "mine" },
      resourceName: "mine",
      resourceType: "ACS::Test::Thing",
      responseElements: { Count: 5 },
      serviceName: "Kms",
      sourceIpAddress: "192.0.2.7",
      userAgent: "tests/1.0",
      userIdentity: {
        accessKeyId: ACCESS_KEY_ID,
        accountId: ACCOUNT,
        principalId: ACCOUNT,
        type: "root-account",
        userName: "root",
      },
    });
    const { nonceDigest, epoch, ...facts } = additionalEventData ?? {};
    assert.match(String(nonceDigest), /^[A-Za-z0-9_-]{22}$/);
    assert.equal(epoch, service.process.store.cache.epoch.value);
    assert.deepEqual(facts, {
      mfaPresent: false,
      rights: [{ action: "test:DescribeThing", resource: "acs:test:::mine" }],
      secureTransport: true,
      thingRevision: 1,
    });
    const seconds = Date.parse(String(eventTime)) / 1000;
    assert.ok(seconds >= before && seconds <= before + 30);
    assert.ok(!service.log.includes("the "), "nothing of the call is in the server's log");
  });

  test("refusals are recorded like answers", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const refusals: readonly [Promise<Reply>, number, string][] = [
      [service.call("DescribeThing"), 400, "MissingParameter"],
      [service.call("DescribeThing", { Id: "x".repeat(41) }), 400, "InvalidParameter"],
      [service.call("DescribeThing", { Id: "none" }), 404, "Forbidden.KeyNotFound"],
      [service.call("DescribeThing", { Id: "foreign" }), 404, "Forbidden.KeyNotFound"],
      [service.call("ChangeThing", { Id: "foreign", Count: "1" }), 404, "Forbidden.KeyNotFound"],
      [service.call("MakeThing", { Id: "mine" }), 400, "AliasAlreadyExists"],
      [service.call("DescribeThing", { Id: "mine", DryRun: "true" }), 400, "DryRunOperationError"],
      [service.call("ChangeThing", { Id: "mine", Count: "1", DryRun: "true" }), 400, "DryRunOperationError"],
      [service.call("MakeThing", { Id: "dry", DryRun: "true" }), 400, "DryRunOperationError"],
      [service.call("ChangeThing", { Id: "foreign", Count: "1", DryRun: "true" }), 404, "Forbidden.KeyNotFound"],
      [service.call("DescribeThing", { Id: "mine", DryRun: "yes" }), 400, "InvalidParameter"],
      [service.call("NoSuchThing"), 404, "InvalidAction.NotFound"],
      [service.call("N".repeat(500)), 404, "InvalidAction.NotFound"],
      [service.send(sign("DescribeThing", {}, { version: "2099-01-01" })), 400, "InvalidVersion"],
      [service.call("Explode"), 500, "InternalFailure"],
    ];
    for (const [answer, status, code] of refusals) {
      const reply = await answer;
      assert.deepEqual([reply.status, reply.json["Code"]], [status, code]);
      assert.equal(reply.json["HostId"], "kms.test");
      const event = await recordOf(deployment, service, reply);
      assert.equal(event.errorCode, code);
      assert.equal(event["errorMessage"], reply.json["Message"]);
      assert.equal(event["responseElements"], undefined);
      assert.ok(String(event.eventName).length <= 64);
    }
    assert.deepEqual(await deployment.sweep(), { rows: 4, problems: [] });
    const { rows } = await deployment.backend.reader.execute("SELECT sum(revision) AS revisions FROM thing", []);
    assert.equal(rows[0]?.["revisions"], 3, "nothing was changed");
    assert.match(service.log, /a detail that stays inside/);
  });

  test("answers in XML whoever asks for it, once the request has been read", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const ask = (action: string, parameters: Readonly<Record<string, string>>, other = {}): Promise<Reply> =>
      service.send(sign(action, parameters, { ...other, format: "XML" }));
    const xml = '<?xml version="1.0" encoding="UTF-8"?>';

    const result = await ask("DescribeThing", { Id: "mine" });
    assert.equal(
      result.body,
      `${xml}<DescribeThingResponse><RequestId>${result.requestId}</RequestId><Id>mine</Id><Count>5</Count>` +
        "<Secret>not for the record</Secret></DescribeThingResponse>",
    );
    assert.deepEqual((await recordOf(deployment, service, result))["responseElements"], { Count: 5 });
    const unrecorded = await ask("DescribeRegions", {});
    assert.match(unrecorded.body, /^<\?xml [^>]*><DescribeRegionsResponse><RequestId>/);

    for (const [answer, code] of [
      [ask("DescribeThing", { Id: "none" }), "Forbidden.KeyNotFound"],
      [ask("NoSuchThing", {}), "InvalidAction.NotFound"],
      [ask("DescribeThing", {}, { secret: "guessed" }), "SignatureDoesNotMatch"],
      [ask("DescribeThing", {}, { accessKeyId: "LTAI5tNONE" }), "InvalidAccessKeyId.NotFound"],
      [ask("DescribeThing", {}, { at: 0 }), "InvalidTimeStamp.Expired"],
    ] as const) {
      const { status, format, body, requestId } = await answer;
      assert.equal(format, "XML");
      assert.ok(body.startsWith(`${xml}<Error><RequestId>${requestId}</RequestId><HostId>kms.test</HostId>`), body);
      assert.ok(body.includes(`<Code>${code}</Code>`), body);
      assert.ok(body.endsWith(`<HttpStatus>${status}</HttpStatus></Error>`), body);
    }
    const unread = sign("DescribeThing", { Id: "mine" }, { format: "XML" });
    const reply = await service.send({ ...unread, url: unread.url.replace("Timestamp=", "Other=") });
    assert.deepEqual([reply.format, reply.json["Code"]], ["JSON", "MissingTimestamp"]);
  });

  test("what XML cannot hold is refused on record, and nothing is done", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const Id = "a\u0001b";
    const reply = await service.send(sign("MakeThing", { Id }, { format: "XML" }));
    assert.equal(reply.status, 400);
    assert.match(reply.body, /<Code>InvalidParameter<\/Code><Message>.*"Format".*Ask for JSON\.<\/Message>/);
    assert.equal((await recordOf(deployment, service, reply)).errorCode, "InvalidParameter");
    assert.equal((await service.call("DescribeThing", { Id })).json["Code"], "Forbidden.KeyNotFound");
    assert.equal((await service.call("MakeThing", { Id })).status, 200);
  });

  test("a key of ACS4 that was derived for another product proves nothing", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    assert.equal((await service.send(signScoped("DescribeThing", { product: "Kms", region: "center" }))).status, 200);
    const other = await service.send(signScoped("DescribeThing", { product: "Oss", region: "center" }));
    assert.deepEqual([other.status, other.json["Code"]], [400, "SignatureDoesNotMatch"]);
    assert.deepEqual(await recordsOf(deployment, service, other), []);
    // What is not served belongs to the product of its version all the same.
    const none = await service.send(signScoped("NoSuchThing", { product: "Oss", region: "center" }));
    assert.deepEqual([none.status, none.json["Code"]], [400, "SignatureDoesNotMatch"]);
    assert.deepEqual(await recordsOf(deployment, service, none), []);
    const unserved = await service.send(signScoped("NoSuchThing", { product: "kms", region: "center" }));
    assert.equal(unserved.json["Code"], "InvalidAction.NotFound");
  });

  test("what exists in another account and what does not exist are told alike", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const strip = ({ status, json }: Reply): unknown => [status, { ...json, RequestId: "" }];
    const [foreign, none] = [
      await service.call("DescribeThing", { Id: "foreign" }),
      await service.call("DescribeThing", { Id: "none" }),
    ];
    assert.deepEqual(strip(foreign), strip(none));
  });

  test("who is not proven to have sent a request goes to the metrics and the security log alone", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const now = service.process.store.clock.now();
    const used = sign("DescribeThing", { Id: "mine" });
    assert.equal((await service.send(used)).status, 200);
    const good = sign("DescribeThing", { Id: "mine", Plaintext: "the plaintext" });
    const refusals: readonly [Promise<Reply>, number, string, string][] = [
      [service.send(sign("DescribeThing", {}, { secret: "guessed" })), 400, "SignatureDoesNotMatch", "bad-signature"],
      [
        service.send({ ...good, body: Buffer.concat([good.body, Buffer.from("&Id2=x")]) }),
        400,
        "SignatureDoesNotMatch",
        "bad-signature",
      ],
      [service.send(used), 400, "SignatureNonceUsed", "used-nonce"],
      [
        service.send(sign("DescribeThing", {}, { at: now - 16 * 60_000 })),
        400,
        "InvalidTimeStamp.Expired",
        "expired-timestamp",
      ],
      [
        service.send(sign("DescribeThing", {}, { at: now + 16 * 60_000 })),
        400,
        "InvalidTimeStamp.Expired",
        "expired-timestamp",
      ],
      [
        service.send(sign("DescribeThing", {}, { accessKeyId: "LTAI5tNONE" })),
        404,
        "InvalidAccessKeyId.NotFound",
        "unknown-access-key",
      ],
      [
        service.send(sign("DescribeThing", {}, { accessKeyId: "invented" })),
        404,
        "InvalidAccessKeyId.NotFound",
        "unknown-access-key",
      ],
      [
        service.send({ method: "POST", url: "/", headers: {}, body: Buffer.alloc(0) }),
        400,
        "MissingAction",
        "malformed",
      ],
    ];
    const reasons = [];
    for (const [answer, status, code, reason] of refusals) {
      const reply = await answer;
      assert.equal(reply.status, status, code);
      if (reason !== "malformed") assert.equal(reply.json["Code"], code);
      assert.equal((await recordsOf(deployment, service, reply)).length, 0);
      reasons.push(reason);
    }
    const exposed = await service.metrics.expose();
    for (const reason of new Set(reasons)) {
      const count = reasons.filter((other) => other === reason).length;
      assert.match(exposed, new RegExp(`\\{reason="${reason}"\\} ${count}\\n`));
      assert.match(service.log, new RegExp(`"reason":"${reason}"`));
    }
    assert.ok(!service.log.includes("the plaintext"));
  });

  test("an AccessKey that was deactivated is refused on record, by whatever node and however late it is told", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).status, 200);
    await other.changeThing(ACCESS_KEY_ID, { count: 0 });
    for (const action of ["DescribeThing", "ChangeThing", "MakeThing"]) {
      const reply = await service.call(action, { Id: "mine", Count: "1" });
      assert.deepEqual([reply.status, reply.json["Code"]], [403, "InvalidAccessKeyId.Inactive"]);
      assert.equal((await recordOf(deployment, service, reply)).errorCode, "InvalidAccessKeyId.Inactive");
    }
    const regions = await service.call("DescribeRegions");
    assert.equal(regions.status, 403, "what is not recorded is answered by the state of now as well");
  });

  test("an AccessKey whose time comes before its refusal is on record is not refused", async () => {
    await using deployment = await TestDeployment.create(database);
    const startsAt = Date.now() + 500;
    using service = await TestService.start(deployment, { startsAt });
    const early = service.call("DescribeThing", { Id: "mine" });
    const { interception } = service.process;
    interception.commitBatch = async (batch, commit) => {
      interception.commitBatch = undefined;
      while (service.process.store.clock.now() < startsAt) await new Promise((resolve) => setTimeout(resolve, 20));
      return commit(batch);
    };
    assert.equal((await early).status, 200);
  });

  test("an AccessKey whose secret was replaced no longer proves anything", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    assert.equal((await service.call("DescribeThing", { Id: "mine", Plaintext: "the plaintext" })).status, 200);
    await other.changeThing(ACCESS_KEY_ID, { note: "another secret" });
    const reply = await service.call("DescribeThing", { Id: "mine", Plaintext: "the plaintext" });
    assert.deepEqual([reply.status, reply.json["Code"]], [400, "SignatureDoesNotMatch"]);
    const event = await recordOf(deployment, service, reply);
    assert.equal(event.errorCode, "SignatureDoesNotMatch");
    assert.ok(!JSON.stringify(event).includes("the plaintext"));
  });

  test("creates, changes, and sees at once what others have changed", async () => {
    await using deployment = await TestDeployment.create(database);
    using one = await TestService.start(deployment);
    using two = await TestService.start(deployment);
    const make = await one.call("MakeThing", { Id: "new" });
    assert.equal(make.status, 200);
    assert.equal((await two.call("MakeThing", { Id: "new" })).json["Code"], "AliasAlreadyExists");
    for (let count = 1; count <= 5; count++) {
      const change = await one.call("ChangeThing", { Id: "new", Count: `${count}` });
      assert.deepEqual([change.status, change.json["Count"]], [200, count]);
      assert.equal((await two.call("DescribeThing", { Id: "new" })).json["Count"], count);
      assert.equal((await two.call("ListThings")).json["Count"], 1 + 5 + count);
      const event = await recordOf(deployment, one, change);
      assert.equal(event.additionalEventData?.["epoch"], one.process.store.cache.epoch.value);
    }
    await recordOf(deployment, one, make);
    assert.deepEqual(await deployment.sweep(), { rows: 5, problems: [] });
  });

  test("a list that a control overtook is made again", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    await service.call("ListThings");
    const { interception } = service.process;
    interception.commitBatch = async (batch, commit) => {
      interception.commitBatch = undefined;
      await other.changeThing("mine", { count: 100 });
      return commit(batch);
    };
    const reply = await service.call("ListThings");
    assert.equal(reply.json["Count"], 101);
    const event = await recordOf(deployment, service, reply);
    assert.deepEqual(event["responseElements"], { Count: 101 });
    assert.equal(event.additionalEventData?.["epoch"], other.store.cache.epoch.value);
  });

  test("a control whose ground has gone when it holds the lock is refused on record", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    assert.equal((await service.call("ChangeThing", { Id: "mine", Count: "6" })).status, 200);
    await service.call("DescribeThing", { Id: "mine" });
    await other.changeThing("mine", { note: "locked" });
    const reply = await service.call("ChangeThing", { Id: "mine", Count: "7" });
    assert.deepEqual([reply.status, reply.json["Code"]], [409, "Rejected.Disabled"]);
    const event = await recordOf(deployment, service, reply);
    assert.equal(event.errorCode, "Rejected.Disabled");
    assert.ok((await readEvents(deployment.backend, CONTROL_SHARD)).some(({ eventId }) => eventId === reply.requestId));
  });

  test("a control that was refused by what the cache held, and is not any more, is carried out", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    await other.changeThing("mine", { note: "locked" });
    assert.equal((await service.call("ChangeThing", { Id: "mine", Count: "7" })).status, 409);
    await other.changeThing("mine", { note: null });
    const reply = await service.call("ChangeThing", { Id: "mine", Count: "8" });
    assert.deepEqual([reply.status, reply.json["Count"]], [200, 8]);
    await recordOf(deployment, service, reply);
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).json["Count"], 8);
  });

  test("what a call needs first is done once, on record by itself, whoever else needs it too", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const calls = Array.from({ length: 5 }, () => service.call("FetchThing", { Id: "fresh" }));
    const replies = [...(await Promise.all(calls)), await service.call("FetchThing", { Id: "fresh" })];
    for (const reply of replies) {
      assert.deepEqual([reply.status, reply.json["Id"]], [200, "fresh"]);
      assert.equal((await recordOf(deployment, service, reply)).eventName, "FetchThing");
    }
    const controls = await readEvents(deployment.backend, CONTROL_SHARD);
    const [planted, ...more] = controls.filter(({ eventName }) => eventName === "PlantThing");
    assert.ok(planted !== undefined && more.length === 0);
    assert.deepEqual([planted.errorCode, planted["requestParameters"]], [undefined, { Id: "fresh" }]);
    assert.ok(replies.some(({ requestId }) => requestId === planted.additionalEventData?.["causedBy"]));
    assert.ok(replies.every(({ requestId }) => requestId !== planted.eventId));
  });

  test("where what a call needs first is refused, the call is, and that alone is on record", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const reply = await service.call("FetchThing", { Id: "barren" });
    assert.deepEqual([reply.status, reply.json["Code"]], [404, "Forbidden.KeyNotFound"]);
    assert.equal((await recordOf(deployment, service, reply)).errorCode, "Forbidden.KeyNotFound");
    const controls = await readEvents(deployment.backend, CONTROL_SHARD);
    assert.ok(controls.every(({ eventName }) => eventName !== "PlantThing"));
  });

  test("an accident under the lock is an InternalFailure on record, and changes nothing", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const reply = await service.call("ChangeThing", { Id: "mine", Count: "13" });
    assert.deepEqual([reply.status, reply.json["Code"]], [500, "InternalFailure"]);
    assert.ok(!JSON.stringify(reply.json).includes("detail"));
    assert.equal((await recordOf(deployment, service, reply)).errorCode, "InternalFailure");
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).json["Count"], 5);
  });

  test("a row that was tampered with is an InternalFailure on record, and an alarm", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const tamper = (sql: string): Promise<void> =>
      deployment.backend.transaction("write", async (connection) => {
        await connection.execute(sql, []);
      });
    await tamper("UPDATE thing SET count = 6 WHERE id = 'mine'");
    for (const action of ["DescribeThing", "ChangeThing"]) {
      const reply = await service.call(action, { Id: "mine", Count: "1" });
      assert.deepEqual([reply.status, reply.json["Code"]], [500, "InternalFailure"]);
      assert.equal((await recordOf(deployment, service, reply)).errorCode, "InternalFailure");
    }
    assert.equal(service.metrics.tamperedRows.value, 2);
    assert.match(service.log, /"alarm":"tampered-row"/);

    await tamper(`UPDATE thing SET owner = 'intruder' WHERE id = '${ACCESS_KEY_ID}'`);
    using fresh = await TestService.start(deployment);
    const reply = await fresh.call("DescribeThing", { Id: "mine" });
    assert.equal(reply.status, 503, "nobody is proven to have called");
    assert.equal(fresh.metrics.tamperedRows.value, 1);
  });

  test("what only looks tampered with to a process that is behind is decided anew, and no alarm", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    using other = await TestService.start(deployment);
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).json["Count"], 5);
    await other.call("ChangeThing", { Id: "mine", Count: "7" });
    const reply = await service.call("CompareThing", { Id: "mine" });
    assert.deepEqual([reply.status, reply.json["Count"]], [200, 7]);
    assert.equal((await recordOf(deployment, service, reply)).errorCode, undefined);
    assert.equal(service.metrics.tamperedRows.value, 0);
    assert.doesNotMatch(service.log, /tampered/);

    await deployment.backend.transaction("write", async (connection) => {
      await connection.execute("UPDATE thing SET count = 8 WHERE id = 'mine'", []);
    });
    assert.equal((await service.call("CompareThing", { Id: "mine" })).status, 500);
    assert.equal(service.metrics.tamperedRows.value, 1);
  });

  test("long parameters are recorded as digests, and too many of them not at all", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const long = await service.call("DescribeThing", { Id: "mine", Comment: "ä".repeat(8193) });
    assert.equal(long.status, 200);
    const parameters = (await recordOf(deployment, service, long))["requestParameters"] as Record<string, string>;
    assert.match(parameters["Comment"] ?? "", /^sha256:[0-9a-f]{64}$/);

    const many = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`Context.${i}`, "😀".repeat(30)]));
    const reply = await service.call("DescribeThing", { Id: "mine", ...many });
    assert.equal(reply.status, 200);
    const event = await recordOf(deployment, service, reply);
    assert.deepEqual(event["requestParameters"], { omitted: "the parameters are too long to be recorded" });
  });

  test("while batches hang everybody is told so within two seconds, and corrected once they stand", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const held = Promise.withResolvers<void>();
    const { interception } = service.process;
    interception.commitBatch = async (batch, commit) => {
      interception.commitBatch = undefined;
      await held.promise;
      return commit(batch);
    };
    const calls = [
      withinTwoSeconds(service.call("DescribeThing", { Id: "mine" })),
      withinTwoSeconds(service.call("MakeThing", { Id: "late" })),
    ];
    await new Promise((resolve) => setTimeout(resolve, 50));
    calls.push(withinTwoSeconds(service.call("DescribeThing", { Id: "mine" })));
    const replies = await Promise.all(calls);
    for (const { status, json } of replies) {
      assert.deepEqual([status, json["Code"]], [503, "ServiceUnavailableTemporary"]);
    }
    assert.equal(service.metrics.logUnavailable.value, 3);
    assert.equal(service.pipeline.open, 0);
    held.resolve();
    await service.process.store.committer.drain();
    const events = await readEvents(deployment.backend, service.process.shard);
    const recorded = new Set(events.map(({ eventId }) => eventId));
    assert.deepEqual(
      new Set(correctedIds(events)),
      new Set(replies.map(({ requestId }) => requestId).filter((id) => recorded.has(id))),
    );
    assert.ok(correctedIds(events).length > 0);
    assert.ok(!recorded.has(replies[2]?.requestId ?? ""), "what still waited is not recorded at all");
  });

  // Nothing of this depends on the database.
  if (database.name === "sqlite") {
    test("a large call is authenticated in its address's turn, however many a stranger at another one has sent before", async () => {
      await using deployment = await TestDeployment.create(database);
      let refused = 0;
      let refusedBefore = 0;
      // Asked for every caller who is proven.
      class Admission extends Throttle {
        override take(): undefined {
          refusedBefore = refused;
        }
      }
      using service = await TestService.start(deployment, { throttle: new Admission({}) });
      const Comment = "c".repeat(70_000);
      // So that AccessKeys are in memory: finding them takes no turns.
      await service.call("DescribeThing", { Id: "mine" });
      const stranger = sign("DescribeThing", { Id: "mine", Comment }, { secret: "guessed" });
      const crowd = Array.from({ length: 100 }, async () => {
        assert.equal((await service.send(stranger, "192.0.2.99")).json["Code"], "SignatureDoesNotMatch");
        refused++;
      });
      const reply = await service.call("DescribeThing", { Id: "mine", Comment });
      assert.equal(reply.status, 200);
      assert.ok(refusedBefore <= 5, `${refusedBefore} strangers came first`);
      await Promise.all(crowd);
    });
  }

  test("slow work takes as long as it takes, and is done once although the answer is found anew", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const held = Promise.withResolvers<void>();
    searches.set("mine", held.promise);
    const before = worksDone.count;
    const working = service.call("WorkOnThing", { Id: "mine" });
    assert.equal((await service.call("ChangeThing", { Id: "mine", Count: "77" })).status, 200);
    await new Promise((resolve) => setTimeout(resolve, RECORD_PATIENCE_MILLIS + 300));
    assert.equal(service.pipeline.open, 1);
    held.resolve();
    const reply = await working;
    searches.delete("mine");
    assert.deepEqual([reply.status, reply.json["Made"], reply.json["Count"]], [200, "made", 77]);
    assert.equal(worksDone.count - before, 1);
    assert.equal(service.pipeline.open, 0);
    assert.equal((await recordsOf(deployment, service, reply)).length, 1);
  });

  test("slow work never begins under the epoch's lock: the call is served anew where nobody waits for it", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    searches.set("mine 5", first.promise);
    searches.set("mine 6", second.promise);
    const before = worksDone.count;
    const rebuilding = service.call("RebuildThing", { Id: "mine" });
    assert.equal((await service.call("ChangeThing", { Id: "mine", Count: "6" })).status, 200);
    first.resolve();
    await beginning(before + 2, rebuilding);
    // While it works on what the thing is now, everybody else is served.
    const meanwhile = await service.call("ChangeThing", { Id: ACCESS_KEY_ID, Count: "1" });
    second.resolve();
    const reply = await rebuilding;
    assert.equal(meanwhile.status, 200);
    for (const name of ["mine 5", "mine 6"]) searches.delete(name);
    assert.deepEqual([reply.status, reply.json["Made"]], [200, "made of 6"]);
    const rebuilt = (await readEvents(deployment.backend, CONTROL_SHARD)).filter(
      ({ eventName }) => eventName === "RebuildThing",
    );
    assert.deepEqual(
      rebuilt.map(({ eventId }) => eventId),
      [reply.requestId],
    );
  });

  test("a call whose slow work is of no use again and again is told so, on record", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const before = worksDone.count;
    const works = [5, 6, 7, 8].map((count) => ({ count, gate: Promise.withResolvers<void>() }));
    for (const { count, gate } of works) searches.set(`mine ${count}`, gate.promise);
    const rebuilding = service.call("RebuildThing", { Id: "mine" });
    for (const [i, { count, gate }] of works.entries()) {
      await beginning(before + i + 1, rebuilding);
      await service.call("ChangeThing", { Id: "mine", Count: String(count + 1) });
      gate.resolve();
    }
    const reply = await rebuilding;
    for (const { count } of works) searches.delete(`mine ${count}`);
    assert.deepEqual([reply.status, reply.json["Code"]], [503, "ServiceUnavailableTemporary"]);
    assert.match(String(reply.json["Message"]), /changed again and again/);
    assert.equal(worksDone.count - before, works.length);
    const recorded = (await readEvents(deployment.backend, CONTROL_SHARD)).find(
      ({ eventId }) => eventId === reply.requestId,
    );
    assert.equal(recorded?.errorCode, "ServiceUnavailableTemporary");
  });

  test("a dear read is done once, whatever changes after that, and its event says of which epoch it is", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    // Now this process knows that there is another one.
    await service.call("DescribeThing", { Id: "mine" });
    const before = searchesBegun.count;
    let overtaken = 0;
    service.process.interception.commitBatch = async (batch, commit) => {
      await other.changeThing("mine", { count: 70 + ++overtaken });
      return commit(batch);
    };
    const { value: epoch } = service.process.store.cache.epoch;
    const reply = await service.call("SearchThings", { Id: "mine" });
    service.process.interception.commitBatch = undefined;
    assert.deepEqual([reply.status, reply.json["Count"]], [200, 5]);
    assert.ok(overtaken > 1);
    assert.equal(searchesBegun.count - before, 1);
    const event = await recordOf(deployment, service, reply);
    assert.equal(event.additionalEventData?.["foundAsOf"], epoch);
    assert.equal(event.additionalEventData?.["searched"], 1);
    assert.deepEqual([event["resourceType"], event["resourceName"]], ["ACS::Test::Thing", "mine"]);
    const later = await service.call("SearchThings", { Id: "mine" });
    assert.equal(later.json["Count"], 70 + overtaken);
    assert.ok(!("foundAsOf" in ((await recordOf(deployment, service, later)).additionalEventData ?? {})));
  });

  test("a dear read keeps nothing that it found by an older state, or in part by one", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    assert.equal((await service.call("SearchThings", { Id: "mine" })).json["Count"], 5);
    // This process has not heard of it when the call comes.
    await other.changeThing("mine", { count: 9 });
    const late = await service.call("SearchThings", { Id: "mine" });
    assert.equal(late.json["Count"], 9);

    const gate = Promise.withResolvers<void>();
    searches.set("mine", gate.promise);
    const before = searchesBegun.count;
    const searching = service.call("SearchThings", { Id: "mine" });
    while (searchesBegun.count === before) await new Promise((resolve) => setImmediate(resolve));
    await other.changeThing("mine", { count: 11 });
    gate.resolve();
    const reply = await searching;
    searches.delete("mine");
    assert.deepEqual([reply.json["Count"], searchesBegun.count - before], [11, 2]);
    assert.ok(!("foundAsOf" in ((await recordOf(deployment, service, reply)).additionalEventData ?? {})));
  });

  test("a dry run that is refused is refused the same, whatever changes meanwhile", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    await other.changeThing("mine", { note: "locked" });
    let left = 12;
    service.process.interception.commitBatch = async (batch, commit) => {
      if (left-- > 0) await other.changeThing(ACCESS_KEY_ID, { count: 1 });
      return commit(batch);
    };
    const reply = await service.call("ChangeThing", { Id: "mine", Count: "1", DryRun: "true" });
    assert.deepEqual([reply.status, reply.json["Code"]], [409, "Rejected.Disabled"]);
  });

  test("who may not any more, once a dear read is done, is not told what it found", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    service.process.interception.commitBatch = async (batch, commit) => {
      service.process.interception.commitBatch = undefined;
      await other.changeThing(ACCESS_KEY_ID, { count: 0 });
      return commit(batch);
    };
    const reply = await service.call("SearchThings", { Id: "mine" });
    assert.deepEqual([reply.json["Code"], reply.json["Count"]], ["InvalidAccessKeyId.Inactive", undefined]);
    assert.equal((await recordOf(deployment, service, reply)).errorCode, "InvalidAccessKeyId.Inactive");
  });

  test("a dear read never begins under the epoch's lock: it is served anew, and everybody else meanwhile", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    const { interception } = service.process;
    await other.changeThing(ACCESS_KEY_ID, { count: 0 });
    interception.commitBatch = async (batch, commit) => {
      await other.changeThing(ACCESS_KEY_ID, { count: 0 });
      return commit(batch);
    };
    // It was refused until here, and is no more when the batch has the lock.
    interception.beforeEscalation = async () => {
      interception.commitBatch = undefined;
      interception.beforeEscalation = undefined;
      await other.changeThing(ACCESS_KEY_ID, { count: 1 });
    };
    const gate = Promise.withResolvers<void>();
    searches.set("mine", gate.promise);
    const before = searchesBegun.count;
    const searching = service.call("SearchThings", { Id: "mine" });
    while (searchesBegun.count === before) await new Promise((resolve) => setImmediate(resolve));
    const meanwhile = await service.call("ChangeThing", { Id: "mine", Count: "6" });
    gate.resolve();
    searches.delete("mine");
    assert.equal(meanwhile.status, 200);
    const reply = await searching;
    assert.deepEqual([reply.status, searchesBegun.count - before], [200, 1]);
    await recordOf(deployment, service, reply);
  });

  test("whose slow work finds its queue full is told when to come again", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const full = Promise.reject<void>(new TooBusyError());
    full.catch(() => {});
    searches.set("mine", full);
    const reply = await service.call("WorkOnThing", { Id: "mine" });
    searches.delete("mine");
    assert.deepEqual([reply.status, reply.json["Code"]], [429, "Rejected.Throttling"]);
    assert.equal(reply.retryAfterMillis, 1_000);
    assert.equal((await recordOf(deployment, service, reply))["errorCode"], "Rejected.Throttling");
  });

  test("while the store does not answer, reads and controls are told so within two seconds", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const { interception } = service.process;
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).status, 200);
    const held = Promise.withResolvers<void>();
    interception.afterCommit = async () => {
      interception.afterCommit = undefined;
      await held.promise;
    };
    const control = withinTwoSeconds(service.call("ChangeThing", { Id: "mine", Count: "9" }));
    const waiting = withinTwoSeconds(service.call("ChangeThing", { Id: "mine", Count: "10" }));
    interception.read = () => held.promise;
    const read = withinTwoSeconds(service.call("DescribeThing", { Id: "cold" }));
    const replies = await Promise.all([control, waiting, read]);
    for (const { status } of replies) assert.equal(status, 503);
    interception.read = undefined;
    held.resolve();
    await service.process.store.control.idle();
    await service.process.store.committer.drain();
    const events = await readEvents(deployment.backend, service.process.shard);
    assert.deepEqual(correctedIds(events), [replies[0]?.requestId], "it had taken effect");
    const controls = await readEvents(deployment.backend, CONTROL_SHARD);
    assert.equal(controls.filter(({ eventName }) => eventName === "ChangeThing").length, 1, "the other never began");
  });

  test("while the store cannot be reached nothing is answered but that", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    service.process.interception.read = () => Promise.reject(new Error("no connection"));
    service.process.interception.beforeCommit = () => Promise.reject(new Error("no connection"));
    for (const action of ["DescribeThing", "ChangeThing", "ListThings", "DescribeRegions"]) {
      const { status, json } = await service.call(action, { Id: "mine", Count: "1" });
      assert.deepEqual([status, json["Code"]], [503, "ServiceUnavailableTemporary"]);
    }
    const { length: before } = service.log.split("could not be put on record");
    await Promise.all(Array.from({ length: 20 }, () => service.call("ListThings")));
    const { length: after } = service.log.split("could not be put on record");
    assert.ok(after - before <= 2, "the log does not repeat it for every call");
    service.process.interception.read = undefined;
    service.process.interception.beforeCommit = undefined;
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).status, 200);
  });

  test("DescribeRegions leaves no event, and is answered by the epoch of now", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const other = await deployment.open();
    await other.addThings({ id: "x" });
    const reply = await service.call("DescribeRegions");
    assert.equal(reply.status, 200);
    assert.equal(service.process.store.cache.epoch.value, other.store.cache.epoch.value);
    assert.equal((await recordsOf(deployment, service, reply)).length, 0);
  });

  test("while the store's clock is behind everything is refused", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const { clock } = service.process.store;
    clock.check(Date.now() - 120_000);
    const { status, json } = await service.call("DescribeThing", { Id: "mine" });
    assert.deepEqual([status, json["Code"]], [503, "ServiceUnavailableTemporary"]);
    clock.check(Date.now());
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).status, 200);
  });
});
