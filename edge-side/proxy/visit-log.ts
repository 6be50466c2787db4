/** Where a visit that is over is noted: in what the edge shows of itself, in the hourly reasons, and in the access log. */
import type { Watched } from "../../protocol/admin/status.ts";
import { LineTime } from "../../protocol/daemon/access-line.ts";
import type { AccessLog } from "../../protocol/daemon/access-log.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";
import { accessLineOf } from "../exchange/access-line.ts";
import type { WholeAnswers } from "../exchange/whole-answers.ts";
import type { ServeDependencies } from "./dependencies.ts";
import type { ServedHosts } from "./served-hosts.ts";

export const visitLog = ({
  clock,
  hosts,
  watched,
  wholeAnswers,
  accessLog,
}: {
  readonly clock: Clock;
  readonly hosts: ServedHosts;
  readonly watched: Pick<Watched, "durations" | "traffic">;
  readonly wholeAnswers: WholeAnswers;
  readonly accessLog: AccessLog;
}): ServeDependencies["accessLog"] => {
  const time = new LineTime();
  const trusts = hosts.trusts.bind(hosts);
  return {
    write(record, visitor) {
      watched.durations.note(visitor, record.status, record.failed, record.totalMs ?? 0);
      watched.traffic.note(record, record.answerBytes ?? 0);
      wholeAnswers.note(record);
      const { wants } = accessLog;
      if (wants === undefined) return;
      accessLog.write(accessLineOf(record, visitor, { time, today: clock.today(), wants, trusts }));
    },
  };
};
