import { expect, it } from "vitest";
import { metricsOf } from "../../../protocol/admin/metrics.ts";
import { printStatus } from "../../../protocol/admin/print-status.ts";
import { type SharedConfigState, statusOf } from "../../../protocol/admin/status.ts";
import { PROGRAM, watchedOf } from "../admin/watched.ts";

const REFUSED: SharedConfigState = {
  from: "redis://store#site",
  version: 7,
  at: "2026-11-29T12:00:00.000Z",
  state: "refused",
  why: "version 8: a.yaml names no file",
};

it("shows the version of the shared config that is served, and why no newer one is", async () => {
  const program = { ...PROGRAM, sharedConfig: () => REFUSED };
  const status = statusOf(watchedOf(), program);
  expect(status.sharedConfig).toEqual(REFUSED);
  expect(printStatus(status).slice(1, 3)).toEqual([
    "config      version 7 of redis://store#site, signed 2026-11-29T12:00:00.000Z",
    "            REFUSED: version 8: a.yaml names no file",
  ]);
  const metrics = metricsOf(watchedOf(), program);
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("coilgun_config"));
  metrics.close();
  expect(lines).toEqual([
    "coilgun_config_version 7",
    'coilgun_config_state{state="current"} 0',
    'coilgun_config_state{state="refused"} 1',
    'coilgun_config_state{state="unreachable"} 0',
  ]);
});
