/** A browser with a cookie jar, on one way to the application: straight, or through a pair. */
import type { Visit, VisitedPage } from "../../rig/visitor.ts";

/** Sends a request one way; what it cost is the way's own affair. */
export type Ask<Seen extends VisitedPage = VisitedPage> = (visit: Visit) => Promise<Seen>;

export interface Browser<Seen extends VisitedPage = VisitedPage> {
  get(path: string): Promise<Seen>;
  /** A form that the page at `from` had. */
  post(path: string, form: Readonly<Record<string, string>>, from?: string): Promise<Seen>;
}

export function browserOf<Seen extends VisitedPage>(
  ask: Ask<Seen>,
  who: { readonly host: string; readonly network: string; readonly keepsCookies: boolean },
): Browser<Seen> {
  const { host, network } = who;
  const jar = new Map<string, string>();
  const send = async (visit: Pick<Visit, "path" | "form" | "referer">) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const contentType = /\.json|\/api\//.test(visit.path) ? "application/json" : "text/html";
    const isScript = contentType !== "text/html";
    // As axios and Angular do.
    const xsrfToken = isScript ? decodeURIComponent(jar.get("XSRF-TOKEN") ?? "") || undefined : undefined;
    const seen = await ask({ host, contentType, network, cookie: cookie || undefined, xsrfToken, ...visit });
    if (who.keepsCookies) keep(jar, seen.headers["set-cookie"] ?? []);
    return seen;
  };
  return {
    get: (path) => send({ path }),
    post: (path, form, from = path) =>
      send({ path, form: new URLSearchParams(form).toString(), referer: `http://${host}${from}` }),
  };
}

function keep(jar: Map<string, string>, lines: readonly string[]): void {
  for (const line of lines) {
    const [, name = "", value = ""] = /^\s*([^=;]+)=([^;]*)/.exec(line) ?? [];
    const [, age] = /;\s*max-age=(-?\d+)/i.exec(line) ?? [];
    const [, date = ""] = /;\s*expires=([^;]+)/i.exec(line) ?? [];
    const gone = age === undefined ? Date.parse(date) < LONG_AGO : Number(age) <= 0;
    if (gone) jar.delete(name);
    else jar.set(name, value);
  }
}

/** Cookies are deleted by a date that nobody takes for a real one. */
const LONG_AGO = Date.UTC(2026, 0, 1);

/** The value of a form's hidden field; throws where the page has none. */
export function hiddenField(page: VisitedPage, name: string): string {
  const text = page.body.toString();
  const [tag] = new RegExp(`<input[^>]*name=["']${name}["'][^>]*>`).exec(text) ?? [];
  const [, value] = /value=["']([^"']*)["']/.exec(tag ?? "") ?? [];
  if (value === undefined) throw new Error(`no field ${name} in a page of status ${page.status}`);
  return value.replaceAll("&#43;", "+").replaceAll("&amp;", "&");
}
