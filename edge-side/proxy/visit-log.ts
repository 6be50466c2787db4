/** Where a visit that is over is noted: in what the edge shows of itself, in the hourly reasons, and in the access log. */
import { LineTime } from "../../protocol/daemon/access-line.ts";
import type { AccessLog } from "../../protocol/daemon/access-log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { accessLineOf } from "../exchange/access-line.ts";
import type { WholeAnswers } from "../exchange/whole-answers.ts";
import type { ServeDependencies } from "./dependencies.ts";
import type { ServedHosts } from "./served-hosts.ts";
import type { WatchedEdge } from "./watch-edge.ts";

export const visitLog = ({
  clock,
  hosts,
  watched,
  wholeAnswers,
  accessLog,
}: {
  readonly clock: Clock;
  readonly hosts: ServedHosts;
  readonly watched: WatchedEdge;
  readonly wholeAnswers: WholeAnswers;
  readonly accessLog: AccessLog;
}): ServeDependencies["accessLog"] => {
  const time = new LineTime();
  const trusts = hosts.trusts.bind(hosts);
  return {
    write(record, visitor) {
      watched.note(record, visitor);
      wholeAnswers.note(record);
      const { wants } = accessLog;
      if (wants === undefined) return;
      accessLog.write(accessLineOf(record, visitor, { time, today: clock.today(), wants, trusts }));
    },
  };
};

/** Whether somebody reads it, asked with each request. */
export const isRead = (accessLog: AccessLog) => (): boolean => accessLog.wants !== undefined;
