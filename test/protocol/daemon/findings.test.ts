import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import {
  checkEnd,
  checkFree,
  checkName,
  checkPrivacy,
  printFinding,
  problem,
  whyNotListening,
} from "../../../protocol/daemon/findings.ts";
import { systemClock } from "../../../protocol/runtime/clock.ts";
import { Complaint } from "../../../protocol/runtime/user-error.ts";
import { watchLeaks } from "../../kit/leaks.ts";

watchLeaks();

const HOST = "127.0.0.1";

it("a config file that ends within a line may have been cut short", () => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-findings-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "edge.yaml");
  const found = (text: string) => {
    writeFileSync(path, text);
    return checkEnd(path).map(({ outcome }) => outcome);
  };
  expect(found("origin: http://127.0.0.1:3000\n")).toEqual([]);
  expect(found("origin: http://127.0.0.1:3")).toEqual(["warning"]);
  expect(found('{ "routes": [] }')).toEqual([]);
  expect(checkEnd(undefined)).toEqual([]);
});

describe("an address to listen at", () => {
  it("is free, and is let go of again", async () => {
    const free = { host: HOST, port: 0 };
    expect(await checkFree("visitors", free)).toMatchObject({ outcome: "ok" });
  });

  it("is in use", async () => {
    const server = createServer().listen(0, HOST);
    await once(server, "listening");
    const address = { host: HOST, port: (server.address() as AddressInfo).port };
    const finding = await checkFree("visitors", address);
    expect(printFinding(finding)).toMatch(
      /^problem {2}visitors: 127\.0\.0\.1:\d+ is in use\n {9}stop the program/,
    );

    const second = createServer();
    second.listen(address.port, HOST);
    const [error] = await once(second, "error");
    const complaint = whyNotListening(error, { tunnel: { host: HOST, port: 1 }, visitors: address });
    expect(complaint).toBeInstanceOf(Complaint);
    expect(String(complaint)).toContain(`visitors: ${HOST}:${address.port} is in use; stop`);
    server.close();
    await once(server, "close");
  });

  it("is not of this machine", async () => {
    // TEST-NET-1 belongs to no machine.
    expect(await checkFree("tunnel", { host: "192.0.2.1", port: 0 })).toMatchObject({
      outcome: "problem",
      what: "tunnel: 192.0.2.1:0 is no address of this machine",
    });
  });

  it.each(["EAFNOSUPPORT", "EADDRNOTAVAIL"])("[::] on a machine without IPv6 (%s)", (code) => {
    const error = Object.assign(new Error(), { code, syscall: "listen", port: 8080 });
    const complaint = whyNotListening(error, { visitors: { host: "::", port: 8080 } });
    expect(String(complaint)).toContain(
      "visitors: [::]:8080 needs IPv6, which this machine has not; set 0.0.0.0 in place of [::]",
    );
  });

  it("has a name that does not resolve", () => {
    const error = Object.assign(new Error(), {
      code: "EAI_AGAIN",
      syscall: "getaddrinfo",
      hostname: "a.invalid",
    });
    const places = { visitors: { host: "b.example", port: 1 }, tunnel: { host: "a.invalid", port: 1 } };
    expect(String(whyNotListening(error, places))).toContain(
      "tunnel: a.invalid:1 has a host name that does not resolve; write the address itself",
    );
  });

  it("is told as its own where another setting has its port at another address", () => {
    const error = Object.assign(new Error(), {
      code: "EADDRINUSE",
      syscall: "listen",
      port: 80,
      address: "127.0.0.2",
    });
    const places = { visitors: { host: "127.0.0.1", port: 80 }, tunnel: { host: "127.0.0.2", port: 80 } };
    expect(String(whyNotListening(error, places))).toContain("tunnel: 127.0.0.2:80 is in use");
  });

  it("keeps other errors as they are", () => {
    const error = new Error("other");
    expect(whyNotListening(error, { visitors: { host: HOST, port: 1 } })).toBe(error);
  });
});

describe("a host", () => {
  const bounds = { clock: systemClock, withinMs: 10_000 };

  it("that is an address needs no look-up", async () => {
    expect(await checkName("edge", "192.0.2.1", bounds)).toBeUndefined();
    expect(await checkName("edge", "::1", bounds)).toBeUndefined();
  });

  it("that is this machine resolves", async () => {
    expect(await checkName("edge", "localhost", bounds)).toMatchObject({ outcome: "ok" });
  });
});

describe("files with secrets", () => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-findings-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const put = (name: string, content: string, mode: number): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };

  it("are told from others, and open ones are a warning", () => {
    const findings = checkPrivacy([
      put("open.yaml", "secret: cgk1_x", 0o644),
      put("closed.yaml", "secret: cgk1_x", 0o600),
      put("key.pem", "-----BEGIN EC PRIVATE KEY-----", 0o640),
      put("ca.pem", "-----BEGIN CERTIFICATE-----", 0o644),
    ]);
    expect(findings.map(({ outcome }) => outcome)).toEqual(["warning", "ok", "warning"]);
  });
});

it("prints no secret", () => {
  expect(printFinding(problem("has cgk1_abc", "not cgk1_abc"))).not.toContain("abc");
});
