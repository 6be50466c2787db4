import { expect, it } from "vitest";
import { originRequest } from "../../origin-side/origin-request.ts";

const asked = (...fields: readonly string[]) =>
  originRequest({ method: "GET", target: "/a?b", fields: ["Host", "h", ...fields] });

it("asks for pages as they are", () => {
  expect(asked("accept-encoding", "gzip", "X", "1", "Accept-Encoding", "br")).toEqual({
    method: "GET",
    target: "/a?b",
    fields: ["Host", "h", "X", "1", "Accept-Encoding", "identity"],
  });
});

it("asks so too where the visitor named no coding, for that means any", () => {
  expect(asked().fields).toEqual(["Host", "h", "Accept-Encoding", "identity"]);
});

it.each(["Range", "if-range", "IF-MATCH"])("leaves a request with %s as the visitor sent it", (name) => {
  const fields = ["Accept-Encoding", "gzip", name, "x"];
  expect(asked(...fields).fields).toEqual(["Host", "h", ...fields]);
});
