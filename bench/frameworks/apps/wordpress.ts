/** WordPress on a MariaDB of its own: says nothing of caching to visitors, renews a cookie that holds the time on pages of the dashboard. */
import { type Application, PASSWORD, type Place, USERS, userName } from "./application.ts";
import { onPhp } from "./php-apps.ts";

const environment = ({ state, host, content }: Place) => ({
  STATE: state,
  SITE: host,
  CONTENT: content,
  PASSWORD,
  USERS: Array.from({ length: USERS }, (_, n) => userName(n)).join(" "),
});

const database = (state: string) =>
  [
    "mariadbd",
    "--no-defaults",
    "--user=root",
    `--datadir=${state}/db`,
    `--socket=${state}/db.sock`,
    `--pid-file=${state}/db.pid`,
    "--skip-networking",
    "--innodb-log-file-size=8M",
  ] as const;

export const wordpress: Application = {
  name: "wordpress",
  debian: ["php-cli", "php-mysql", "mariadb-server", "wordpress", "wordpress-theme-twentytwentyone"],
  files: {
    "wp-config.php": `<?php
define('DB_NAME', 'news');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:' . getenv('STATE') . '/db.sock');
define('WP_HOME', 'http://' . getenv('SITE'));
define('WP_SITEURL', WP_HOME);
define('AUTH_KEY', 'a'); define('SECURE_AUTH_KEY', 'b'); define('LOGGED_IN_KEY', 'c'); define('NONCE_KEY', 'd');
define('AUTH_SALT', 'e'); define('SECURE_AUTH_SALT', 'f'); define('LOGGED_IN_SALT', 'g'); define('NONCE_SALT', 'h');
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_DEFAULT_THEME', 'twentytwentyone');
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`,
    "install.php": `<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = getenv('SITE');
require __DIR__ . '/site/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
function wp_new_blog_notification() {}
wp_install('News', 'Editor', 'editor@example.org', true, '', getenv('PASSWORD'));
foreach (explode(' ', getenv('USERS')) as $name) {
  $id = wp_create_user($name, getenv('PASSWORD'), strtolower($name) . '@example.org');
  (new WP_User($id))->set_role('author');
}
foreach (json_decode(file_get_contents(getenv('CONTENT')))->stories as $story) {
  $post = ['import_id' => 100 + $story->id, 'post_title' => $story->title, 'post_content' => $story->text, 'post_status' => 'publish', 'post_author' => 1];
  $id = wp_insert_post($post);
  foreach ($story->remarks as $text)
    wp_insert_comment(['comment_post_ID' => $id, 'comment_content' => $text, 'comment_author' => $story->by, 'comment_approved' => 1]);
}
`,
    "change.php": `<?php
$_SERVER['HTTP_HOST'] = getenv('SITE');
require __DIR__ . '/site/wp-load.php';
wp_insert_comment(['comment_post_ID' => 112, 'comment_content' => 'Seen in edition ' . $argv[1], 'comment_author' => 'Ada', 'comment_approved' => 1]);
wp_insert_post(['post_title' => 'Edition ' . $argv[1], 'post_content' => 'It is out.', 'post_status' => 'publish', 'post_author' => 1]);
`,
  },
  install: (place) => {
    const [server, ...flags] = database(place.state);
    const setUp = `
      cp -rL /usr/share/wordpress site && cp -rL /var/lib/wordpress/wp-content/. site/wp-content/ && cp wp-config.php site/ &&
      mariadb-install-db --no-defaults --user=root --datadir="$STATE/db" --auth-root-authentication-method=normal --skip-test-db || exit 1
      ${[server, ...flags].join(" ")} & DATABASE=$!
      for N in $(seq 120); do mariadb-admin --no-defaults --user=root --socket="$STATE/db.sock" ping && break; sleep 1; done
      mariadb --no-defaults --user=root --socket="$STATE/db.sock" -e "CREATE DATABASE news" && php -d memory_limit=512M install.php
      DONE=$?; kill $DATABASE; wait $DATABASE; exit $DONE`;
    return [{ run: ["sh", "-c", setUp], env: environment(place) }];
  },
  start: (place) => [{ run: database(place.state) }, ...onPhp("-t", "site").with(environment)(place)],
  pages: ["/", "/?p=109", "/?p=112", "/?author=1"],
  userPages: [
    "/",
    "/?p=112",
    "/wp-admin/",
    "/wp-admin/edit.php",
    "/wp-admin/edit.php?post_status=publish&post_type=post",
    "/wp-admin/post-new.php",
    "/wp-admin/upload.php",
    "/wp-admin/upload.php?mode=list",
    "/wp-admin/media-new.php",
    "/wp-admin/edit-comments.php",
    "/wp-admin/edit-comments.php?comment_status=approved",
    "/wp-admin/profile.php",
    "/wp-admin/tools.php",
  ],
  async signIn(browser, n) {
    await browser.get("/wp-login.php");
    await browser.post("/wp-login.php", { log: userName(n), pwd: PASSWORD, testcookie: "1" });
  },
  change: (place, n) => ({ run: ["php", "change.php", String(n)], env: environment(place) }),
};
