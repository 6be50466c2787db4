/**
 * A frame as one line of text, for a person who looks at a link: its kind, its stream, its sizes, its flags and its head. No
 * body is shown, and of fields that carry credentials, and of queries, only the length.
 * docs/operations.md section "Looking at frames".
 */

import type { AnswerForm, Frame } from "../frames/frame.ts";
import type { HeaderList } from "../http/header-list.ts";
import { withoutSecrets } from "../runtime/redact.ts";
import type { Extension } from "../wire/extensions.ts";

/** Names of fields whose values stay unseen: what is known to carry credentials, and what is named as if it did. */
const SECRET_NAME =
  /cookie|^; $|auth|key|token|secret|session|csrf|xsrf|passw|credential|signature|jwt|otp|assertion|client-cert/i;
/** A query may hold anything: a form's fields, a token of a link that was mailed. */
const QUERY = /\?[^\s"'<>#]+/g;
/** Name and password before the host of a URL. */
const USER = /\/\/[^\s/@]*@/g;

const lengthOnly = (text: string): string => `[${text.length} characters]`;

/** In quotes, with what is no printable ASCII as escapes, so that a line stays one line. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const shown = (text: string): string =>
  quoted(
    withoutSecrets(
      text.replace(QUERY, (query) => `?${lengthOnly(query.slice(1))}`).replace(USER, "//[user]@"),
    ),
  );

const headText = (head: HeaderList): string => {
  const fields: string[] = [];
  for (let at = 0; at + 1 < head.length; at += 2) {
    const [name = "", value = ""] = [head[at], head[at + 1]];
    const text = SECRET_NAME.test(name) ? lengthOnly(value) : shown(value);
    fields.push(`${/^[\x21-\x7e]+$/.test(name) ? name : quoted(name)}=${text}`);
  }
  return `{${fields.join(" ")}}`;
};

const formText = (form: AnswerForm): string => {
  switch (form.kind) {
    case "interim":
    case "passed":
      return form.kind;
    case "same":
      return `same offer=${form.offer}`;
    case "delta": {
      const how = form.digest.of === "result" ? "buffered" : "streamed";
      return `delta ${how} codec=${form.codec} bases=0b${form.offers.toString(2)}`;
    }
    case "whole":
      return `whole ${form.result === undefined ? "streamed" : "buffered"} codec=${form.codec}`;
  }
};

const extensionsText = (extensions: readonly Extension[]): string =>
  extensions.length === 0
    ? ""
    : ` extensions=${extensions.map(({ tag, bytes }) => `${tag}:${bytes.length}`).join(",")}`;

const flagsText = (flags: Readonly<Record<string, boolean>>): string => {
  const set = Object.keys(flags).filter((name) => flags[name] === true);
  return set.length === 0 ? "" : ` flags=${set.join(",")}`;
};

/** What is particular to the kind, beginning with a space unless it is empty. */
const detailsOf = (frame: Frame): string => {
  switch (frame.kind) {
    case "hello":
      return ` role=${frame.role} version=${frame.version} codecs=${frame.codecs.join(",")} features=${frame.features.map(quoted).join(",")}`;
    case "proveKey":
      return ` key=${shown(frame.keyId)} proof=${frame.digest.length}`;
    case "ping":
      return ` token=${frame.token}`;
    case "pong":
      return ` token=${frame.token} received=${frame.received}`;
    case "window":
      return ` bytes=${frame.bytes} received=${frame.received}`;
    case "goAway":
      return ` last=${frame.lastStreamId} code=${frame.code} message=${shown(frame.message)}${extensionsText(frame.extensions)}`;
    case "forget":
      return ` host=${shown(frame.host)} url=${shown(frame.url)}`;
    case "version":
      return ` host=${shown(frame.host)} size=${frame.size} codec=${frame.codec} bases=${frame.bases.length} coded=${frame.coded.length}${flagsText({ "no-store": frame.noStore })}`;
    case "open": {
      const { ended, session, timings, incremental, verified } = frame;
      return `${flagsText({ ended, session, timings, incremental })} urgency=${frame.urgency} offers=${frame.offersFollow ? "later" : frame.offers.length}${verified === undefined ? "" : ` verified=${verified}`} body=${frame.body.length}${extensionsText(frame.extensions)} head=${headText(frame.head)}`;
    }
    case "offers":
      return ` offers=${frame.offers.length}${extensionsText(frame.extensions)}`;
    case "answer":
      return ` form=${formText(frame.form)}${flagsText({ ended: frame.ended })} block=${frame.blockBytes} body=${frame.body.length}${extensionsText(frame.extensions)} head=${headText(frame.head)}`;
    case "data":
      return ` body=${frame.bytes.length}`;
    case "trailers":
      return ` head=${headText(frame.head)}`;
    case "end":
      return ` how=${frame.how}${extensionsText(frame.extensions)}`;
    case "reset":
      return ` code=${frame.code}${extensionsText(frame.extensions)}`;
    case "stopSending":
      return ` code=${frame.code}`;
    case "segment":
      return "";
    case "resume":
      return ` offset=${frame.offset} codec=${frame.codec}${frame.tag === undefined ? "" : " flags=tag"}`;
    case "verified":
    case "askWhole":
      return ` offset=${frame.offset}`;
  }
};

/** `open stream=1 bytes=125 flags=ended urgency=3 offers=0 body=0 head={...}`; `bytes` is the whole frame with its length. */
export const frameLine = (frame: Frame, bytes: number): string => {
  const kind = frame.kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const stream = "streamId" in frame ? ` stream=${frame.streamId}` : "";
  return `${kind}${stream} bytes=${bytes}${detailsOf(frame)}`;
};
