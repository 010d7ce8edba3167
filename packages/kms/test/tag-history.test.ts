import assert from "node:assert/strict";
import { test } from "node:test";
import { TagHistory } from "@cinnabar/kms";

type Recorded = ConstructorParameters<typeof TagHistory>[0][number];

let events = 0;

function recorded(
  eventName: string,
  epoch: number,
  requestParameters: Readonly<Record<string, string>> = {},
  errorCode?: string,
): Recorded {
  events++;
  return { additionalEventData: { epoch }, eventId: String(events), eventName, requestParameters, errorCode };
}

const call = (epoch: number) => recorded("Encrypt", epoch);
const tags = (...pairs: readonly (readonly [string, string])[]) =>
  JSON.stringify(pairs.map(([TagKey, TagValue]) => ({ TagKey, TagValue })));

test("a tag's value is the one of its last change before the call, however the change was written", () => {
  const history = new TagHistory(
    [
      recorded("UntagResources", 60, { All: "true", "ResourceId.1": "key" }),
      recorded("TagResources", 50, { "Tag.1.Key": "team", "Tag.1.Value": "green", "ResourceId.1": "key" }),
      recorded("UntagResource", 40, { TagKeys: '["team"]' }),
      recorded("UntagResources", 30, { "TagKey.1": "site", "ResourceId.1": "key" }),
      recorded("TagResource", 20, { Tags: tags(["team", "blue"], ["late", "yes"]) }),
      recorded("DisableKey", 15),
      recorded("CreateKey", 10, { Tags: tags(["team", "red"], ["site", "north"]) }),
    ],
    new Map([["new", "now"]]),
  );
  const values = (tag: string) => [19, 20, 39, 40, 49, 50, 60, 99].map((epoch) => history.valueAt(call(epoch), tag));
  const of = (...all: readonly (string | undefined)[]) => all.map((value) => ({ value }));
  assert.deepEqual(values("team"), of("red", "blue", "blue", undefined, undefined, "green", undefined, undefined));
  assert.deepEqual(
    values("site"),
    of("north", "north", undefined, undefined, undefined, undefined, undefined, undefined),
  );
  assert.deepEqual(history.valueAt(call(99), "new"), { value: "now" });
});

test("what was refused changed nothing, and a call does not see what it changes itself", () => {
  const change = recorded("TagResource", 20, { Tags: tags(["team", "blue"]) });
  const refused = recorded("TagResource", 30, { Tags: tags(["team", "green"]) }, "Forbidden.NoPermission");
  const history = new TagHistory([refused, change, recorded("CreateKey", 10)], new Map([["team", "blue"]]));
  assert.deepEqual(history.valueAt(change, "team"), { value: undefined });
  assert.deepEqual(history.valueAt(refused, "team"), { value: "blue" });
});

test("what is not on record is unknown, but only for tags and times that it matters to", () => {
  const change = recorded("TagResource", 20, { Tags: tags(["team", "blue"]) });
  const history = new TagHistory([change], new Map([["site", "north"]]));
  assert.equal(history.valueAt(call(19), "team"), "unknown");
  assert.deepEqual(history.valueAt(call(20), "team"), { value: undefined });
  assert.deepEqual(history.valueAt(call(19), "site"), { value: "north" });

  // Of a long list of tags the log keeps the digest.
  const digest = recorded("TagResource", 30, { Tags: "sha256:00" });
  const dark = new TagHistory([digest, recorded("CreateKey", 10)], new Map([["team", "blue"]]));
  assert.deepEqual(dark.valueAt(call(30), "team"), { value: "blue" });
  assert.deepEqual(dark.valueAt(call(29), "team"), { value: undefined });
  const darker = new TagHistory([recorded("TagResource", 40, { Tags: tags(["team", "red"]) }), digest], new Map());
  assert.equal(darker.valueAt(call(39), "team"), "unknown");
});
