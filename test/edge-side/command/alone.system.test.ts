/** `coilgun-edge alone` as its users run it: one command before a web server, HTTPS, no config file and no key. */
import { once } from "node:events";
import { request } from "node:https";
import { expect, it, onTestFinished } from "vitest";
import { edgeProgram } from "../../../edge-side/edge-program.ts";
import { openOrigin } from "../../kit/fake-origin.ts";
import { startCommand } from "../../kit/run-command.ts";
import { runInside } from "../../kit/run-inside.ts";
import { makeSiteFiles } from "../../kit/secure-pair.ts";

const PAGE = "a page of some length. ".repeat(100);

it("serves the names of its certificate over HTTPS, compressed, and ends in order", async () => {
  using site = makeSiteFiles();
  await using web = await openOrigin((asked, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`${asked.headers.host} ${asked.headers["x-forwarded-proto"]} ${PAGE}`);
  });
  const { certificate, privateKey } = site.named;
  const flags = ["--certificate", certificate, "--private-key", privateKey, "--access-log", "stdout"];
  const alone = startCommand(
    "edge-side",
    ["alone", "--origin", `http://127.0.0.1:${web.port}`, "--listen", "127.0.0.1:0", ...flags],
    "/",
  );
  onTestFinished(() => void alone.child.kill("SIGKILL"));
  const ready = await alone.said("ready");
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(ready)?.[1]);
  expect(ready).not.toContain("tunnel");
  const asked = request({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: site.authority.certificate,
    headers: { Host: "localhost", "Accept-Encoding": "br" },
  }).end();
  const [response] = await once(asked, "response");
  response.resume();
  await once(response, "end");
  expect(response.headers).toMatchObject({ "content-encoding": "br", vary: "Accept-Encoding" });
  expect(web.asked).toHaveLength(1);
  alone.child.kill("SIGTERM");
  const { code, stdout } = await alone.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ host: "localhost", answer: "direct", status: 200 });
});

it.each([
  [["--origin", "http://127.0.0.1:1"], /add --host/],
  [["--origin", "http://192.0.2.1", "--host", "a.example"], /must begin with https:\/\//],
  [["--origin", "nonsense", "--host", "a.example"], /is not a web server.s address/],
  [["--origin", "http://127.0.0.1:1", "--certificate", "/none"], /cannot be read as a certificate/],
])("says what to do about %j", async (flags, said) => {
  const { code, stderr } = await runInside(edgeProgram(), ["alone", ...flags], "/");
  expect(code).toBe(1);
  expect(stderr).toMatch(said);
  expect(stderr).not.toMatch(/\n\s+at /);
});
