/**
 * Error pages as each visitor gets them: who wants HTML gets the host's own page, or one that says whether the site
 * failed or what is before it; everybody else a line of text. With Proxy-Status where that is set. One object for the
 * whole run; a reload replaces what it says.
 */
import { STATUS_CODES } from "node:http";
import { ofHost } from "../../../protocol/config/host-pattern.ts";
import { listOf } from "../../../protocol/http/head.ts";
import type { HeaderList } from "../../../protocol/http/header-list.ts";
import type { EdgeConfig } from "../../config/edge-config.ts";
import { type ErrorPageFiles, settingsByHost } from "../../config/host-config.ts";
import { type ErrorPage, errorPage } from "./error-page.ts";
import { errorTypeOf, FAILURES, type Failure } from "./proxy-status.ts";

/** The part of a config that it needs. */
export type ErrorPageSettings = Pick<EdgeConfig, "keys" | "proxyStatus"> & Partial<Pick<EdgeConfig, "hosts">>;

interface Asked {
  readonly host: string;
  readonly fields: HeaderList;
}

export class ErrorPages {
  readonly #pseudonym: string;
  #byHost: ReadonlyMap<string, { readonly errorPage: ErrorPageFiles | undefined }> = new Map();
  #saysStatus = false;

  /** `pseudonym`: what Via calls this edge, which Proxy-Status calls it too. */
  constructor(pseudonym: string, settings?: ErrorPageSettings) {
    this.#pseudonym = pseudonym;
    if (settings !== undefined) this.replace(settings);
  }

  replace(settings: ErrorPageSettings): void {
    this.#byHost = settingsByHost(settings);
    this.#saysStatus = settings.proxyStatus;
  }

  /** `asked`: undefined of what could not be read. `failure`: undefined where the request was refused. */
  of(status: number, asked?: Asked, failure?: Failure): ErrorPage {
    const html =
      asked !== undefined && wantsHtml(asked.fields) ? this.#html(status, asked.host, failure) : undefined;
    const page = errorPage(status, html);
    const fields = this.#marked(page.fields, `error=${errorTypeOf(failure)}`);
    return { ...page, fields };
  }

  /** The fields of a response that no link brought. */
  withFallback(fields: HeaderList, reason: string): HeaderList {
    return this.#marked(fields, `details="fallback: ${reason}"`);
  }

  #marked(fields: HeaderList, parameter: string): HeaderList {
    return this.#saysStatus ? [...fields, "Proxy-Status", `${this.#pseudonym}; ${parameter}`] : fields;
  }

  #html(status: number, host: string, failure: Failure | undefined): Buffer | undefined {
    const failed = failure && FAILURES[failure.code].failed;
    const files = ofHost(this.#byHost, host)?.errorPage;
    const file = files?.[`${status}`] ?? (failed && (files?.[failed] ?? files?.all));
    return file?.bytes ?? (failed && builtIn(status, SENTENCES[failed]));
  }
}

const SENTENCES = {
  site: "The web server of this site did not answer as it should. The proxy before it works.",
  proxy: "The proxy before this site could not reach it. The site itself may be well.",
} as const;

const builtIn = (status: number, sentence: string): Buffer => {
  const title = `${status} ${STATUS_CODES[status] ?? ""}`.trim();
  return Buffer.from(
    `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>${title}</title>\n<h1>${title}</h1>\n<p>${sentence}</p>\n`,
  );
};

/** HTML is named, and not refused; programs that take anything get text. */
const wantsHtml = (fields: HeaderList): boolean =>
  (listOf(fields, "accept") ?? "")
    .split(",")
    .some(
      (each) =>
        /^\s*(?:text\/html|application\/xhtml\+xml)\s*(?:;|$)/i.test(each) &&
        !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(each),
    );
