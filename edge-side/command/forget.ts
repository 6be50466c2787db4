/** `coilgun-edge forget`: which versions an operator asks to erase, as the question and as the running edge reads it. */
import type { Reply } from "../../protocol/admin/answers.ts";
import { type AskOptions, askDaemon } from "../../protocol/admin/ask-daemon.ts";
import { Complaint } from "../../protocol/runtime/user-error.ts";

export interface ForgetWhat {
  readonly host: string;
  readonly url: string | undefined;
}

/** Asks the edge whose admin socket is at `path` to erase versions; resolves with how many. Throws Complaint. */
export const askToForget = async (
  path: string,
  what: ForgetWhat,
  options: Omit<AskOptions, "program"> = {},
): Promise<number> => {
  const answer = await askDaemon(path, "forget", what, { ...options, program: "coilgun-edge" });
  if (answer !== undefined && "unserved" in answer)
    throw new Complaint(`nothing was erased: this edge serves no ${what.host}`);
  if (answer !== undefined && "forgotten" in answer) return Number(answer.forgotten);
  throw new Complaint(`the edge at ${path} could not forget; its log says why`);
};

/** The duty of the running edge; `forget` resolves with how many versions were erased. `mayHold`: whether there may be any of a host. */
export const forgetDuty =
  (forget: (what: ForgetWhat) => Promise<number>, mayHold: (host: string) => boolean = () => true) =>
  async (asked: unknown): Promise<Reply> => {
    const what = readForget(asked);
    if (what === undefined) return { status: 400, body: { problem: "a host, and a url that begins with /" } };
    const forgotten = await forget(what);
    if (forgotten > 0 || mayHold(what.host)) return { status: 200, body: { forgotten } };
    return { status: 404, body: { unserved: what.host } };
  };

const readForget = (asked: unknown): ForgetWhat | undefined => {
  if (typeof asked !== "object" || asked === null || !("host" in asked)) return undefined;
  const { host } = asked;
  const url = "url" in asked ? asked.url : undefined;
  if (typeof host !== "string" || host === "") return undefined;
  if (url === undefined) return { host, url };
  return typeof url === "string" && url.startsWith("/") ? { host, url: asSent(url) } : undefined;
};

/** As browsers send what their address bar shows: no request has a fragment, a space, or anything but ASCII. */
const asSent = (url: string): string =>
  (url.split("#", 1)[0] as string).replace(/[^\x21-\x7e]+/g, (text) =>
    encodeURIComponent(text.toWellFormed()),
  );
