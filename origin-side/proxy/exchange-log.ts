/** Where an exchange that is over is noted: in what the origin side shows of itself, and in the access log. */
import { LineTime } from "../../protocol/daemon/access-line.ts";
import type { AccessLog } from "../../protocol/daemon/access-log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { accessLineOf } from "../exchange/access-line.ts";
import type { ExchangeDependencies } from "./answer-edge.ts";
import type { WatchedOrigin } from "./watch-origin.ts";

export const exchangeLog = (
  accessLog: AccessLog,
  watched: WatchedOrigin,
  clock: Clock,
): ExchangeDependencies["accessLog"] => {
  const time = new LineTime();
  return {
    write(record, exchange, route) {
      watched.note(record, exchange, route);
      const { wants } = accessLog;
      if (wants !== undefined)
        accessLog.write(accessLineOf(record, exchange, { time, today: clock.today(), wants }));
    },
  };
};
