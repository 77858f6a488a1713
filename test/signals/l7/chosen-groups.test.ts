import assert from "node:assert/strict";
import { it } from "node:test";

import { isGroupChosen } from "../../../src/signals/l7/chosen-groups.js";

it("a control group is chosen by the name or id of its container, its pod and its namespace, all that are given", () => {
  const names = { container: "app", container_id: "0123456789ab", pod: "shop-7", namespace: "shop" };
  const none = { containers: [], pods: [], namespaces: [] };
  for (const [choice, expected] of [
    [{ containers: ["app"] }, true],
    [{ containers: ["other", "0123456789ab"] }, true],
    [{ containers: [`0123456789ab${"c".repeat(52)}`] }, true],
    [{ containers: ["0123456789"] }, false],
    [{ pods: ["shop-7"], namespaces: ["shop"] }, true],
    [{ pods: ["shop-7"], namespaces: ["default"] }, false],
    [{ containers: ["app"], pods: ["shop-8"] }, false],
  ] as const) {
    assert.equal(isGroupChosen({ ...none, ...choice }, names), expected, JSON.stringify(choice));
  }
  assert.equal(isGroupChosen({ ...none, containers: ["0123456789ab"] }, { container_id: "" }), false);
});
