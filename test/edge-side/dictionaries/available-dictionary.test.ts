/** Which dictionary a request gets: one that it names, that is held, and that its sizes may tell of. */
import { expect, it } from "vitest";
import {
  availableDictionary,
  MOST_DICTIONARY_BYTES,
} from "../../../edge-side/dictionaries/available-dictionary.ts";
import type { SizeExposure } from "../../../edge-side/exchange/size-exposure.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";

const BODY = Buffer.from("what both have. ".repeat(20));
const NAME = fingerprintOf(BODY);
const SAID = `:${Buffer.from(NAME, "latin1").toString("base64")}:`;

interface Wish {
  readonly said?: string;
  readonly accept?: string;
  readonly more?: readonly string[];
  readonly method?: string;
  readonly exposure?: SizeExposure;
  readonly held?: Buffer;
}

const asked = ({
  said = SAID,
  accept = "br, zstd, dcb, dcz",
  more = [],
  method = "GET",
  exposure = "none",
  held = BODY,
}: Wish) => {
  const looked: string[] = [];
  const found = availableDictionary(
    { method, fields: ["Accept-Encoding", accept, "Available-Dictionary", said, ...more] },
    exposure,
    (name) => {
      looked.push(name);
      return name === NAME ? held : undefined;
    },
  );
  return { coding: found?.coding, padded: found?.padded, looked: looked.length };
};

it.each<[string, Wish, string]>([
  ["it is named and held", {}, "dcz"],
  ["for HEAD as for GET", { method: "HEAD" }, "dcz"],
  ["with an id that nobody gave", { more: ["Dictionary-ID", '"x"'] }, "dcz"],
  ["only dcb is taken", { accept: "gzip, dcb" }, "dcb"],
  ["dcz is refused", { accept: "dcz;q=0, dcb;q=0.5" }, "dcb"],
  ["its own page asked", { more: ["Sec-Fetch-Site", "same-origin"], exposure: "own" }, "dcz"],
  [
    "another site links to it",
    { more: ["Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"] },
    "dcz",
  ],
])("is used where %s", (_, wish, coding) => {
  expect(asked(wish).coding).toBe(coding);
});

it.each<[string, Wish]>([
  [
    "another site reads nothing of it",
    { more: ["Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"] },
  ],
  [
    "another site of the same owner asks",
    { more: ["Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"] },
  ],
  ["another site may have made the visitor ask", { exposure: "foreign" }],
  ["another site may have led the visitor here", { exposure: "navigation" }],
  ["neither coding is taken", { accept: "gzip, br, zstd, *" }],
  ["both are refused", { accept: "dcz;q=0.000, dcb;q=0" }],
  ["it is a POST", { method: "POST" }],
  ["it begins as a trained dictionary", { held: Buffer.from("37a430ec00000000", "hex") }],
  ["it is too large", { held: Buffer.alloc(MOST_DICTIONARY_BYTES + 1, 1) }],
  ["only dcb is taken, which cannot be padded", { accept: "dcb", exposure: "own" }],
])("is not used where %s", (_, wish) => {
  expect(asked(wish).coding).toBeUndefined();
});

it.each([
  "",
  SAID.slice(1, -1),
  `${SAID}, ${SAID}`,
  `:${Buffer.alloc(31).toString("base64")}:`,
  `:${Buffer.alloc(33).toString("base64")}:`,
  `:${"A".repeat(8_000)}:`,
  `"${SAID}"`,
])("what is no SHA-256 is not even looked for: %.40s", (said) => {
  expect(asked({ said })).toEqual({ coding: undefined, padded: undefined, looked: 0 });
});

it("answers that may hold a secret are padded, others not", () => {
  expect([asked({ exposure: "own" }).padded, asked({}).padded]).toEqual([true, false]);
});
