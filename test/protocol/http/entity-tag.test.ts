/** RFC 9110 section 8.8.3: tags one by one, and in lists. */
import { describe, expect, it } from "vitest";
import { withStrongTags } from "../../../protocol/http/entity-tag.ts";

describe("weak tags of a list that were strong", () => {
  it.each([
    ['W/"a"', '"a"'],
    ['"a"', '"a"'],
    ['W/"a", "b",W/"c"', '"a", "b","c"'],
    [' W/"a"', ' "a"'],
    ['"a, W/"', '"a, W/"'],
    ['"x W/", W/"y"', '"x W/", "y"'],
    ["*", "*"],
    ["W/unquoted", "W/unquoted"],
  ])("%s become %s", (sent, onward) => {
    expect(withStrongTags(sent, () => true)).toBe(onward);
  });

  it("are those that are known, and no others", () => {
    expect(withStrongTags('W/"a", W/"b", "c"', (tag) => tag === '"b"')).toBe('W/"a", "b", "c"');
  });
});
