import { describe, expect, it } from "vitest";
import { mayGoNoFurther, oneStepFurther } from "../../../edge-side/request/max-forwards.ts";

describe("OPTIONS that counts its steps", () => {
  it.each([
    ["OPTIONS", ["Max-Forwards", "0"], true],
    ["OPTIONS", ["max-forwards", "000"], true],
    ["OPTIONS", ["Max-Forwards", "1"], false],
    ["OPTIONS", ["Max-Forwards", "-0"], false],
    ["OPTIONS", ["Max-Forwards", "0", "Max-Forwards", "0"], false],
    ["OPTIONS", [], false],
    ["GET", ["Max-Forwards", "0"], false],
  ])("%s %j ends here: %s", (method, fields, expected) => {
    expect(mayGoNoFurther({ method, fields })).toBe(expected);
  });

  it.each([
    ["OPTIONS", ["A", "5", "MAX-FORWARDS", "10", "B", "5"], ["A", "5", "MAX-FORWARDS", "9", "B", "5"]],
    ["OPTIONS", ["Max-Forwards", "999999999"], ["Max-Forwards", "999999998"]],
    ["OPTIONS", ["Max-Forwards", "9999999999"], ["Max-Forwards", "9999999999"]],
    ["OPTIONS", ["Max-Forwards", "1.5"], ["Max-Forwards", "1.5"]],
    ["POST", ["Max-Forwards", "3"], ["Max-Forwards", "3"]],
  ])("%s %j goes on as %j", (method, fields, expected) => {
    expect(oneStepFurther(method, fields)).toEqual(expected);
  });
});
