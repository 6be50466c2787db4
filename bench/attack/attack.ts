/**
 * `coilgun-bench attack`: how many of 200 digits sizes tell, through a real pair of this checkout, or of this and another one. A tenth
 * is what guessing gives.
 */
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { Command } from "commander";
import { parseHostPort } from "../../protocol/config/units.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { throwUnlessCheckout } from "../pair/against.ts";
import { renderTable } from "../report/table.ts";
import { startPair } from "../rig/daemon-pair.ts";
import { interruptible } from "../rig/interrupt.ts";
import { wholeNumberFrom } from "../rig/whole-number.ts";
import {
  type Ask,
  byAddress,
  byPublicBase,
  digitsRead,
  SECRETS,
  type SizeAttack,
  type Sizes,
  serveAccounts,
} from "./size-attacks.ts";

const HOST = "www.example.com";
const OWN = { "Sec-Fetch-Site": "same-origin", "Accept-Encoding": "gzip" };
const NAVIGATION = {
  "Sec-Fetch-Site": "cross-site",
  "Sec-Fetch-Mode": "navigate",
  "Sec-Fetch-Dest": "document",
  "Accept-Encoding": "gzip",
};

interface AttackCase {
  readonly name: string;
  readonly bases: string;
  readonly attack: () => SizeAttack;
}

const CASES: readonly AttackCase[] = [
  {
    name: "text in the address, navigation",
    bases: "session",
    attack: () => byAddress(NAVIGATION),
  },
  { name: "the same, bases: off", bases: "off", attack: () => byAddress(NAVIGATION) },
  { name: "text in a public base, three forged cookies", bases: "session", attack: () => byPublicBase(OWN) },
];

interface AttackOptions {
  readonly secrets: readonly string[];
  readonly checkout: string | undefined;
  readonly signal: AbortSignal;
}

const runCase = async (
  { bases, attack }: AttackCase,
  { secrets, checkout, signal }: AttackOptions,
): Promise<Sizes> => {
  await using undo = new AsyncDisposableStack();
  const server = createServer(serveAccounts).listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Of all codecs the one that tells most.
  const settings = { bases, codec: "zstd" };
  const pair = await startPair({
    routes: [{ host: HOST, origin }],
    clock: systemClock,
    signal,
    settings,
    checkout,
  });
  undo.defer(() => pair.stop());
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  undo.defer(() => agent.destroy());
  const edge = parseHostPort(pair.visitors);
  const ask: Ask = async (path, fields) => {
    const asked = request({ ...edge, agent, path, headers: { Host: HOST, ...fields }, signal }).end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    let visitor = 0;
    for await (const piece of response) visitor += (piece as Buffer).length;
    const { edge: line } = await pair.exchanges.next(signal);
    return { link: line.answerBytes ?? 0, visitor };
  };
  return await digitsRead(ask, attack(), secrets);
};

interface AttackFlags {
  readonly secrets: number;
  readonly against?: string;
}

export const attackCommand = (): Command =>
  new Command("attack")
    .description("count the digits of secrets that sizes of answers tell")
    .option("--secrets <number>", "of 10 digits each", wholeNumberFrom(1, SECRETS.length), SECRETS.length)
    .option("--against <checkout>", "beside the pair of another checkout of Coilgun")
    .action((flags: AttackFlags) =>
      interruptible(async (signal) => {
        const against = flags.against && resolve(flags.against);
        if (against !== undefined) throwUnlessCheckout(against);
        const secrets = SECRETS.slice(0, flags.secrets);
        const checkouts = against === undefined ? [undefined] : [undefined, against];
        process.setMaxListeners(4 * CASES.length * checkouts.length); // each daemon is killed at the exit of this process
        // All at once: most of the time is spent waiting for lines of the access log.
        const rows = await Promise.all(
          CASES.flatMap((each) =>
            checkouts.map(async (checkout) => {
              const { link, visitor } = await runCase(each, { secrets, checkout, signal });
              return [each.name, checkout === undefined ? "this" : "that", `${link}`, `${visitor}`];
            }),
          ),
        );
        process.stdout.write(`${renderTable(COLUMNS, rows)}\n${10 * secrets.length} digits each\n`);
        return 0;
      }),
    );

const COLUMNS = [
  { title: "attack", align: "left" },
  { title: "checkout", align: "left" },
  { title: "on the link", align: "right" },
  { title: "at the visitor", align: "right" },
] as const;
