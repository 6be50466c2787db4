import { expect, it } from "vitest";
import { withoutSecrets } from "../../../protocol/runtime/redact.ts";
import { makeLinkKey, secretText } from "../../../protocol/transport/key.ts";

const SECRET = secretText(makeLinkKey("k").secret);

it.each([
  [SECRET, "[secret]"],
  [`secret: "${SECRET}", x`, 'secret: "[secret]", x'],
  [`${SECRET}\n${SECRET.slice(0, 20)} `, "[secret]\n[secret] "],
  [SECRET.toUpperCase(), "[secret]"],
  ["cgk1_", "[secret]"],
  ["no redis://me:p@ss/word@10.0.0.9/1 there", "no redis://[secret]@10.0.0.9/1 there"],
  ['{"store":"rediss://:one@a","by":"me@b"}', '{"store":"rediss://[secret]@a","by":"me@b"}'],
])("leaves nothing of a secret in %j", (text, left) => {
  expect(withoutSecrets(text)).toBe(left);
});

it("leaves other text as it is", () => {
  expect(withoutSecrets("key www-example-com-3f2a refused")).toBe("key www-example-com-3f2a refused");
});
