/**
 * A strict response whose body is one chunk, however many it came in: where they are cut says nothing. Of one that breaks off, what came of
 * its body.
 */
export const withoutCuts = (strict: string): string => {
  const bodyAt = strict.indexOf("\r\n\r\n") + 4;
  if (bodyAt === 3 || !/chunked/i.test(strict.slice(0, bodyAt))) return strict;
  let body = "";
  for (let at = bodyAt; ; ) {
    const line = strict.indexOf("\r\n", at);
    const size = line === -1 ? Number.NaN : Number.parseInt(strict.slice(at, line), 16);
    if (size === 0) return `${strict.slice(0, bodyAt)}${body}|${strict.slice(line)}`;
    if (!(size > 0)) return `${strict.slice(0, bodyAt)}${body}`;
    body += strict.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
};
