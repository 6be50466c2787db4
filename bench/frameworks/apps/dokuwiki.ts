/** DokuWiki: PHP sessions, a cookie for each visitor and no-store to everybody. Its pages are files. */
import { createHash } from "node:crypto";
import { type Application, contentOf, PASSWORD, USERS, userName } from "./application.ts";
import { hiddenField } from "./browser.ts";
import { onPhp } from "./php-apps.ts";

const pageOf = ({ title, text, by, remarks }: ReturnType<typeof contentOf>["stories"][number]): string =>
  `====== ${title} ======\n\n//${by}//\n\n${text}\n\n===== Remarks =====\n\n${remarks.map((one) => `  * ${one}\n`).join("")}`;

const { stories } = contentOf(0);
const users = Array.from({ length: USERS }, (_, n) => {
  const name = userName(n).toLowerCase();
  return `${name}:${createHash("sha1").update(PASSWORD).digest("hex")}:${userName(n)}:${name}@example.org:user\n`;
});

export const dokuwiki: Application = {
  name: "dokuwiki",
  debian: ["php-cli", "php-xml", "php-mbstring", "dokuwiki"],
  files: {
    "router.php": `<?php
define('DOKU_CONF', getenv('STATE') . '/conf/');
if (str_starts_with($_SERVER['SCRIPT_NAME'], '/lib/')) return false;
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/doku.php';
chdir('/usr/share/dokuwiki');
require '/usr/share/dokuwiki/doku.php';
`,
    "state/local.php": `<?php
$conf['title'] = 'News';
$conf['useacl'] = 1;
$conf['savedir'] = getenv('STATE') . '/data';
`,
    "state/users.auth.php": users.join(""),
    "state/acl.auth.php": "*  @ALL  1\n*  @user  8\n",
    "state/data/pages/start.txt": stories
      .map((one) => `  * [[story${one.id}|${one.title}]] ${one.by}\n`)
      .join(""),
    ...Object.fromEntries(stories.map((one) => [`state/data/pages/story${one.id}.txt`, pageOf(one)])),
  },
  install: () => [
    { run: ["cp", "-rL", "/var/lib/dokuwiki/data", "state/"] },
    {
      run: [
        "sh",
        "-c",
        "mkdir state/conf && cp -rL /etc/dokuwiki/. state/conf/ && rm -f state/conf/*.auth.php && mv state/*.php state/conf/",
      ],
    },
  ],
  start: onPhp("-t", "/usr/share/dokuwiki", "router.php"),
  pages: ["/doku.php?id=start", "/doku.php?id=story9", "/doku.php?id=story12", "/doku.php?id=start&do=index"],
  async signIn(browser, n) {
    const path = "/doku.php?id=start&do=login";
    const sectok = hiddenField(await browser.get(path), "sectok");
    await browser.post(path, { sectok, id: "start", do: "login", u: userName(n).toLowerCase(), p: PASSWORD });
  },
  change: ({ state }, n) => {
    const story = contentOf(n).stories.find(({ id }) => id === 12) ?? stories[0];
    const text =
      story === undefined ? "" : `${pageOf(story)}\nSeen in edition ${n}: ${story.remarks.at(-1)}\n`;
    return {
      run: ["sh", "-c", 'printf %s "$TEXT" > "$STATE/data/pages/story12.txt"'],
      env: { STATE: state, TEXT: text },
    };
  },
};
