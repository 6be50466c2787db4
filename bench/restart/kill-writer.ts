/**
 * A process to be killed: puts versions into a file as a daemon does, one number after the other from the one that it is given, and
 * says which it has put.
 */
import { makeLog } from "../../protocol/daemon/log.ts";
import { systemClock } from "../../protocol/runtime/clock.ts";
import { DiskTier } from "../../protocol/tier/disk/disk-tier.ts";
import { madeUpVersion } from "./made-up-version.ts";

/** A version each, on average; as many as a busy site has. */
const PAUSE_MS = 2;
const KILOBYTES = 8;

const [path = "", from = "0", bytes = ""] = process.argv.slice(2);
const log = makeLog({ level: "info", format: "json" });
const tier = await DiskTier.open({
  path,
  bytes: Number(bytes),
  storeKey: undefined,
  sessionMs: 3_600_000,
  clock: systemClock,
  log,
});
if (tier === undefined) process.exit(1);
// For as long as who started it lives.
process.stdin.resume().on("end", () => process.exit());
process.stdout.write("open\n");
for (let number = Number(from); ; number++) {
  tier.put(madeUpVersion(number, KILOBYTES));
  process.stdout.write(`${number}\n`);
  await systemClock.sleep(PAUSE_MS);
}
