/** What signatures cover: RFC 9421 and its drafts, AWS Signature Version 4 in a field and in a query. */
import { expect, it } from "vitest";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import { isSigned } from "../../../protocol/http/signature.ts";

const AWS = "AWS4-HMAC-SHA256 Credential=k/1/x/s3/aws4_request, SignedHeaders=";

it.each<[string, HeaderList, string, boolean]>([
  ["SigV4", ["Authorization", `${AWS}accept-encoding;host, Signature=00`], "/", true],
  ["SigV4 of other fields", ["Authorization", `${AWS}host;x-amz-date, Signature=00`], "/", false],
  [
    "SigV4 of a field with a longer name",
    ["Authorization", `${AWS}x-accept-encoding, Signature=0`],
    "/",
    false,
  ],
  ["SigV4 in a query", [], "/a?b=1&X-Amz-SignedHeaders=accept-encoding%3Bhost&X-Amz-Signature=00", true],
  ["SigV4 in a query, escaped all over", [], "/?x-amz-signedheaders=host%3Baccept%2Dencoding", true],
  ["a broken escape", [], "/?X-Amz-SignedHeaders=%zz%3Baccept-encoding", false],
  ["Google's in a query", [], "/?X-Goog-SignedHeaders=accept-encoding;host", true],
  ["OSS4 in a query", [], "/?x-oss-additional-headers=accept-encoding%3Bhost&x-oss-signature=0", true],
  [
    "OSS4",
    ["Authorization", "OSS4-HMAC-SHA256 AdditionalHeaders=accept-encoding;host,Signature=0"],
    "/",
    true,
  ],
  ["COS in a query", [], "/?q-ak=a&q-header-list=accept-encoding%3Bhost&q-signature=0", true],
  ["COS", ["Authorization", "q-ak=a&q-header-list=accept-encoding;host&q-signature=0"], "/", true],
  ["an API gateway's list", ["X-Ca-Signature-Headers", "accept-encoding,x-ca-key"], "/", true],
  ["an API gateway's list of others", ["X-Ca-Signature-Headers", "x-ca-key"], "/", false],
  ["a list of what is signed", ["X-Signed-Headers", "host;accept-encoding"], "/", true],
  ["a query that says the word elsewhere", [], "/?q=accept-encoding", false],
  ["RFC 9421", ["Signature-Input", 's=("@method" "Accept-Encoding");keyid="a"'], "/", true],
  [
    "RFC 9421, in a second field",
    ["Signature-Input", "a=()", "signature-input", 's=("accept-encoding")'],
    "/",
    true,
  ],
  ["its draft", ["Signature", 'keyId="a",headers="(request-target) accept-encoding"'], "/", true],
  ["basic", ["Authorization", "Basic YTpi"], "/", false],
  ["none", [], "/", false],
])("Accept-Encoding is covered by %s: %4$s", (_, fields, target, covered) => {
  expect(isSigned({ method: "GET", target, fields }, "accept-encoding")).toBe(covered);
});
