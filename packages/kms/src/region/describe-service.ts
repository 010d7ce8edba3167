import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { KEY_SPEC_NAMES, KEY_SPECS } from "../key/key-spec.ts";

export const describeService = defineOperation({
  ...kms,
  name: "DescribeService",
  summary: "Tells which kinds of keys can be made.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: z.object({
    ProtectionLevels: z.object({ ProtectionLevel: z.array(z.object({ Type: z.string() })) }),
    KeySpecs: z.object({
      KeySpec: z.array(
        z.object({
          Name: z.string(),
          Usages: z.object({ Usage: z.array(z.string()) }),
          SupportedProtectionLevels: z.object({ SupportedProtectionLevel: z.array(z.string()) }),
        }),
      ),
    }),
  }),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  // It says nothing about the caller's account, so like DescribeRegions it needs no right.
  access: () => [],
  handle({ custody }) {
    const { protectionLevel } = custody.keystore;
    return {
      result: {
        ProtectionLevels: { ProtectionLevel: [{ Type: protectionLevel }] },
        KeySpecs: {
          KeySpec: KEY_SPEC_NAMES.map((name) => ({
            Name: name,
            Usages: { Usage: [...KEY_SPECS[name].usages] },
            SupportedProtectionLevels: { SupportedProtectionLevel: [protectionLevel] },
          })),
        },
      },
    };
  },
});
