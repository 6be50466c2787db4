/** MediaWiki on SQLite: private to everybody, no-store on some pages. */
import { type Application, contentOf, PASSWORD, type Place, USERS, userName } from "./application.ts";
import { hiddenField } from "./browser.ts";
import { onPhp } from "./php-apps.ts";

const MAINTENANCE = "/usr/share/mediawiki/maintenance";

const pageOf = ({ title, text, by, remarks }: ReturnType<typeof contentOf>["stories"][number]): string =>
  `''${title}'', ${by}\n\n== Story ==\n${text}\n\n== Remarks ==\n${remarks.map((one) => `* ${one}\n`).join("")}\n[[Category:News]]\n`;

const environment = ({ state, folder, host }: Place) => ({
  STATE: state,
  SITE: host,
  MW_CONFIG_FILE: `${folder}/settings.php`,
});

/** Half of them make an article of 96 KB. */
const stories = [60, 40, 20, 0].flatMap((edition) => contentOf(edition).stories);

export const mediawiki: Application = {
  name: "mediawiki",
  debian: ["php-cli", "php-sqlite3", "php-xml", "php-mbstring", "php-intl", "mediawiki"],
  files: {
    "settings.php": `<?php
require getenv('STATE') . '/LocalSettings.php';
$wgSQLiteDataDir = getenv('STATE');
$wgServer = 'http://' . getenv('SITE');
$wgJobRunRate = 0;
$wgMainCacheType = CACHE_DB;
$wgPasswordAttemptThrottle = [];
`,
    ...Object.fromEntries(stories.map((one) => [`seed/Story ${one.id}.txt`, pageOf(one)])),
    "seed/All stories.txt": stories.slice(-40).map(pageOf).join("\n"),
  },
  install: (place) => {
    const env = environment(place);
    const php = (script: string, ...args: readonly string[]) =>
      ({ run: ["php", `${MAINTENANCE}/${script}.php`, ...args], env }) as const;
    const database = ["--dbtype", "sqlite", "--dbpath", place.state, "--confpath", place.state];
    const titles = [
      "--server",
      `http://${place.host}`,
      "--scriptpath",
      "",
      "--pass",
      PASSWORD,
      "News",
      "Editor",
    ];
    return [
      {
        ...php("install", ...database, ...titles),
        env: { MW_CONFIG_FILE: `${place.state}/LocalSettings.php` },
      },
      php(
        "importTextFiles",
        "--user",
        "Editor",
        "--overwrite",
        ...stories.map(({ id }) => `seed/Story ${id}.txt`),
        "seed/All stories.txt",
      ),
      ...Array.from({ length: USERS }, (_, n) => php("createAndPromote", userName(n), PASSWORD)),
      php("runJobs"),
    ];
  },
  start: onPhp("-t", "/usr/share/mediawiki").with(environment),
  pages: [
    "/index.php/Main_Page",
    "/index.php/Story_9",
    "/index.php/Story_12",
    "/index.php/All_stories",
    "/index.php?title=Special:RecentChanges&limit=100",
  ],
  async signIn(browser, n) {
    const path = "/index.php?title=Special:UserLogin";
    const wpLoginToken = hiddenField(await browser.get(path), "wpLoginToken");
    const form = {
      wpLoginToken,
      wpName: userName(n),
      wpPassword: PASSWORD,
      authAction: "login",
      wpEditToken: "+\\",
    };
    await browser.post(path, { ...form, title: "Special:UserLogin" });
  },
  change: (place, n) => {
    const story = contentOf(n).stories.find(({ id }) => id === 12);
    const text =
      story === undefined ? "" : `${pageOf(story)}\nSeen in edition ${n}: ${story.remarks.at(-1)}\n`;
    return {
      run: ["sh", "-c", `printf %s "$TEXT" | php ${MAINTENANCE}/edit.php -u Editor "Story 12"`],
      env: { ...environment(place), TEXT: text },
    };
  },
};
