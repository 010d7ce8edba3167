import ram from "@alicloud/ram20150501";
import sts from "@alicloud/sts20150401";
import type { ClientSetup, OfficialClient } from "../official-client.ts";
import { GeneratedClient } from "./generated-client.ts";
import { Kms20160120Client } from "./kms20160120.ts";
import { OpenapiCoreAcs4Client } from "./openapi-core-acs4.ts";
import { OpenapiCoreClient } from "./openapi-core.ts";
import { PopCoreClient } from "./pop-core.ts";

export function connect(setup: ClientSetup): OfficialClient {
  switch (setup.name) {
    case "kms20160120":
      return new Kms20160120Client(setup);
    case "pop-core GET":
      return new PopCoreClient(setup, "GET");
    case "pop-core POST":
      return new PopCoreClient(setup, "POST");
    case "openapi-core":
      return new OpenapiCoreClient(setup, { algorithm: "ACS3-HMAC-SHA256", place: "query" });
    case "openapi-core form":
      return new OpenapiCoreClient(setup, { algorithm: "ACS3-HMAC-SHA256", place: "form" });
    case "openapi-core SM3":
      return new OpenapiCoreClient(setup, { algorithm: "ACS3-HMAC-SM3", place: "query" });
    case "openapi-core ACS4":
      return new OpenapiCoreAcs4Client(setup);
    case "ram20150501":
      return new GeneratedClient(setup, ram);
    case "sts20150401":
      return new GeneratedClient(setup, sts);
  }
}
