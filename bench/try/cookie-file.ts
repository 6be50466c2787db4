/**
 * Cookies as curl and browsers' export tools write them (Netscape format): a line each of domain, whether subdomains get it too, path,
 * whether only over TLS, seconds since 1970 when it ends (0: with the session), name and value, with tabs between. Values never
 * appear in a message.
 */
import { readFileSync } from "node:fs";
import { Cookie, CookieJar } from "tough-cookie";
import { Complaint, codeOf } from "../../protocol/runtime/user-error.ts";

const HTTP_ONLY = "#HttpOnly_";

/** The jar of a run: empty, or with the cookies of `file`. Throws Complaint. */
export async function openJar(file: string | undefined): Promise<CookieJar> {
  // A name such as localhost is a site too.
  const jar = new CookieJar(undefined, { rejectPublicSuffixes: false });
  if (file === undefined) return jar;
  for (const [at, line] of readText(file).split(/\r?\n/).entries()) {
    if (line.trim() === "" || (line.startsWith("#") && !line.startsWith(HTTP_ONLY))) continue;
    await keep(jar, line, `${file}, line ${at + 1}`);
  }
  return jar;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Complaint(`--cookie-jar: ${file} cannot be read (${codeOf(cause)})`, { cause });
  }
}

async function keep(jar: CookieJar, line: string, where: string): Promise<void> {
  const httpOnly = line.startsWith(HTTP_ONLY);
  const [domain = "", subdomains, path, secure, ends, key, ...value] = line
    .slice(httpOnly ? HTTP_ONLY.length : 0)
    .split("\t");
  const host = domain.replace(/^\./, "");
  if (host === "" || key === undefined || !/^\d+$/.test(ends ?? ""))
    throw new Complaint(
      `--cookie-jar: ${where} is not a cookie; each line has seven fields with tabs between, as curl -c writes them`,
    );
  const cookie = new Cookie({
    key,
    value: value.join("\t"),
    path: path ?? "/",
    secure: secure === "TRUE",
    httpOnly,
    ...(subdomains === "TRUE" && { domain: host }),
    ...(Number(ends) > 0 && { expires: new Date(Number(ends) * 1000) }),
  });
  const url = `${secure === "TRUE" ? "https" : "http"}://${host}${path ?? "/"}`;
  // A browser's file has cookies of other sites, among them some that no site would be given.
  await jar.setCookie(cookie, url, { ignoreError: true });
}
