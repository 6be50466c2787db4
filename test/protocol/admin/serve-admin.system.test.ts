import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askToForget, type ForgetWhat, forgetDuty } from "../../../edge-side/command/forget.ts";
import { EVENT_MS, MOST_WATCHERS } from "../../../protocol/admin/answers.ts";
import { ADMIN_ANSWER_MS, isDaemonAt, LONGEST_QUESTION_BYTES } from "../../../protocol/admin/ask-daemon.ts";
import { type Admin, RETRY_MS } from "../../../protocol/admin/serve-admin.ts";
import { Complaint } from "../../../protocol/runtime/user-error.ts";
import { FakeClock, settle } from "../../kit/fake-clock.ts";
import { startScript } from "../../kit/run-command.ts";
import { until } from "../../kit/until.ts";
import { serveAt, watchedOf } from "./watched.ts";

let folder = "";
let path = "";
const open: Admin[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coilgun-admin-"));
  path = join(folder, "edge.sock");
});
afterEach(async () => {
  for (const admin of open.splice(0)) await admin.close();
  rmSync(folder, { recursive: true });
});

const serve = async (forget: (what: ForgetWhat) => Promise<number>): Promise<Admin> => {
  const { admin } = await serveAt([{ path }], { duties: { forget: forgetDuty(forget) } });
  open.push(admin);
  return admin;
};

/** A question that askToForget would not put. */
const ask = async (method: string, url: string, body: string): Promise<number | undefined> => {
  const asking = request({ socketPath: path, method, path: url, agent: false });
  asking.end(body);
  const [answer] = await once(asking, "response");
  answer.resume();
  return answer.statusCode;
};

describe("the admin socket", () => {
  it("forgets what is asked, and tells how many", async () => {
    const asked: ForgetWhat[] = [];
    await serve(async (what) => {
      asked.push(what);
      return 7;
    });
    expect(await askToForget(path, { host: "a.example", url: "/x?y=1" })).toBe(7);
    expect(await askToForget(path, { host: "a.example", url: undefined })).toBe(7);
    expect(asked).toEqual([
      { host: "a.example", url: "/x?y=1" },
      { host: "a.example", url: undefined },
    ]);
  });

  it("is for its owner alone", async () => {
    await serve(async () => 0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is gone once it is closed", async () => {
    const admin = await serve(async () => 0);
    expect(await isDaemonAt(path)).toBe(true);
    await admin.close();
    open.length = 0;
    expect(existsSync(path)).toBe(false);
    expect(await isDaemonAt(path)).toBe(false);
  });

  it.each([
    ["GET", "/forget", "", 404],
    ["PUT", "/forget", "", 404],
    ["POST", "/", "", 404],
    ["POST", "/status", "", 404],
    ["POST", "/forget", "", 400],
    ["POST", "/forget", "[]", 400],
    ["POST", "/forget", "null", 400],
    ["POST", "/forget", '{"host":""}', 400],
    ["POST", "/forget", '{"host":1}', 400],
    ["POST", "/forget", '{"host":"a.example","url":"x"}', 400],
    ["POST", "/forget", '{"host":"a.example","url":1}', 400],
    ["POST", "/forget", JSON.stringify({ host: "a".repeat(LONGEST_QUESTION_BYTES - 10) }), 400],
    ["POST", "/forget", JSON.stringify({ host: "a".repeat(LONGEST_QUESTION_BYTES - 11) }), 200],
  ])("answers %s %s %.40s with %d", async (method, url, body, status) => {
    await serve(async () => 1);
    expect(await ask(method, url, body)).toBe(status);
  });

  it("survives a daemon that cannot, and keeps its reason to itself", async () => {
    await serve(() => Promise.reject(new Error("inside")));
    const asking = askToForget(path, { host: "a.example", url: undefined });
    await expect(asking).rejects.toThrow(/could not forget; its log says why/);
    await expect(asking).rejects.not.toThrow(/inside/);
    expect(await isDaemonAt(path)).toBe(true);
  });
});

it("so many pages may be open at once, and one more is told why not", async () => {
  await serve(async () => 0);
  const statuses: (number | undefined)[] = [];
  const pages = Array.from({ length: MOST_WATCHERS + 1 }, () =>
    request({ socketPath: path, path: "/events", agent: false }).end(),
  );
  for (const page of pages) {
    const [answer] = await once(page, "response");
    answer.resume();
    statuses.push(answer.statusCode);
  }
  for (const page of pages) page.destroy();
  expect(statuses.toSorted()).toEqual([...Array(MOST_WATCHERS).fill(200), 503]);
});

it("the state is made once a second for all pages that are open", async () => {
  const clock = new FakeClock();
  let made = 0;
  const readiness = () => ({ ready: ++made > 0, reasons: [] });
  const { admin } = await serveAt([{ path }], { clock, watched: watchedOf({ clock, readiness }) });
  open.push(admin);
  const pages: IncomingMessage[] = [];
  for (let n = 0; n < 3; n++) {
    const [page] = await once(request({ socketPath: path, path: "/events", agent: false }).end(), "response");
    await once(page, "data");
    pages.push(page);
  }
  expect(made).toBe(3);
  const next = pages.map((page) => once(page, "data"));
  await clock.advance(EVENT_MS);
  expect(new Set((await Promise.all(next)).map(String)).size).toBe(1);
  expect(made).toBe(4);
});

it("an address that another daemon has is tried again until it is free", async () => {
  const at = (port: number) => ({ address: { host: "127.0.0.1", port }, token: undefined, hosts: [] });
  const before = await serveAt([at(0)]);
  const clock = new FakeClock();
  const port = before.admin.addresses[0]?.port ?? 0;
  const { admin, told } = await serveAt([at(port)], { clock });
  open.push(admin);
  expect(told).toEqual(["admin address taken"]);
  await before.admin.close();
  await clock.advance(RETRY_MS);
  await until(() => told.includes("admin listens"), "the address taken over");
  expect(admin.addresses).toEqual([{ host: "127.0.0.1", port }]);
});

describe("a path that is taken", () => {
  it("by a socket that nobody holds any more is used again", async () => {
    const program = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.error("listening"))`;
    const dead = startScript(["-e", program]);
    await dead.said("listening");
    dead.child.kill("SIGKILL");
    await dead.ended;
    expect(existsSync(path)).toBe(true);
    await serve(async () => 3);
    expect(await askToForget(path, { host: "a.example", url: undefined })).toBe(3);
  });

  it("by a living edge is taken over from it, and is the next one's also when it ends", async () => {
    const first = await serve(async () => 3);
    const { admin, told } = await serveAt([{ path }], { duties: { forget: forgetDuty(async () => 4) } });
    expect(told).toEqual(["admin socket taken over from the process before", "admin listens"]);
    await first.close();
    expect(await askToForget(path, { host: "a.example", url: undefined })).toBe(4);
    await admin.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("by a file is never removed", async () => {
    writeFileSync(path, "precious");
    await expect(serveAt([{ path }])).rejects.toThrow(/is not a socket/);
    expect(statSync(path).size).toBe(8);
  });

  it("or lies in a folder that is missing, says what to do", async () => {
    const nowhere = join(folder, "none", "edge.sock");
    await expect(serveAt([{ path: nowhere }])).rejects.toThrow(/set admin to another path/);
  });
});

describe("asking", () => {
  it("where no edge runs says so", async () => {
    const asking = askToForget(path, { host: "a.example", url: undefined });
    await expect(asking).rejects.toThrow(Complaint);
    await expect(asking).rejects.toThrow(/no coilgun-edge is running with the admin socket/);
  });

  it("an edge that is silent ends in bounded time", async () => {
    const clock = new FakeClock();
    const silent = createServer().listen(path);
    const accepted = once(silent, "connection");
    await once(silent, "listening");
    const asking = askToForget(path, { host: "a.example", url: undefined }, { clock });
    const refused = expect(asking).rejects.toThrow(/did not answer within 30000 ms/);
    const [socket] = await accepted;
    await clock.advance(ADMIN_ANSWER_MS);
    await refused;
    socket.destroy();
    silent.close();
    await once(silent, "close");
    await settle();
  });
});
