/**
 * The desk of a content system, as somebody who is logged in sees it: some 80 KB that are alike for everybody, and in
 * many places what is theirs alone: a name, a count, and nonces in links, forms, settings and scripts, as WordPress has
 * them. Every response is `no-store`; no two of two people are alike. Not part of the demo's round: its pages are for
 * measuring first visits of new sessions.
 */
import { type Chance, chanceFor } from "./chance.ts";
import type { Visit } from "./layout.ts";
import { ICONS, LOADER, STYLE } from "./look.ts";
import { headline, person, sentence } from "./prose.ts";
import { ago, article, newestArticle } from "./world.ts";

const NONCE_DIGITS = 10;
const MENUS = 14;
const ENTRIES_PER_MENU = 6;
const DRAFTS = 4;
const RECENT = 12;
const STYLES = 30;
const SCRIPTS = 40;
const MODULES = 24;

/** A desk for the session; `page` is which of its screens: each has a list of its own. */
export function deskPage(visit: Visit, session: string, page: number): string {
  const { seed, moment } = visit;
  const fixed = chanceFor(seed, "desk");
  const screen = chanceFor(seed, "screen", page);
  const owner = chanceFor(seed, "writer", session);
  const name = person(owner);
  const login = name.toLowerCase().replaceAll(/[^a-z]+/g, ".");
  // A nonce is of a session, an action and half a day.
  const nonce = (action: string): string =>
    chanceFor(seed, "nonce", session, action, Math.floor(moment / 720)).hex(NONCE_DIGITS);
  const title = headline(screen);

  return `<!DOCTYPE html>
<html class="wp-toolbar" lang="en-GB">
<head>
<meta charset="utf-8">
<title>${title} &lsaquo; The Tidewater Post</title>
${Array.from({ length: STYLES }, (_, at) => `<link rel='stylesheet' id='${fixed.hex(6)}-css' href='https://tidewater.example/desk/css/part-${at}.min.css?ver=6.${at % 9}.${fixed.between(0, 9)}' media='all' />`).join("\n")}
<style id="admin-bar-inline-css">${STYLE}</style>
<script id="user-settings-js-extra">
var userSettings = {"url":"\\/","uid":"${owner.between(2, 9_000)}","time":"${1_741_000_000 + Math.floor(moment * 60)}","secure":"1"};
var ajaxurl = '/desk/ajax.php', pagenow = 'screen-${page}', typenow = '', thousandsSeparator = ',', decimalPoint = '.', isRtl = 0;
</script>
</head>
<body class="desk screen-${page} branch-6-8 locale-en-gb no-js">
${ICONS}
<div id="wpadminbar" class="nojq"><ul class="ab-top-menu">
<li id="wp-admin-bar-account"><a class="ab-item" href="https://tidewater.example/desk/profile.php">Good day, <span class="display-name">${name}</span><img alt="" src="https://avatars.example/${owner.hex(32)}?s=26&#038;d=mm" class="avatar avatar-26 photo" height="26" width="26"></a>
<ul><li><span class="username">${login}</span></li><li id="wp-admin-bar-logout"><a class="ab-item" href="https://tidewater.example/login.php?action=logout&#038;_wpnonce=${nonce("log-out")}">Log out</a></li></ul></li>
<li><a class="ab-item" href="https://tidewater.example/shop/cart"><span class="count">${owner.between(0, 9)}</span> items in your basket</a></li>
</ul></div>
<nav id="menu"><ul>${Array.from({ length: MENUS }, (_, menu) => menuOf(fixed, menu, owner)).join("")}</ul></nav>
<main id="content"><h1>${title}</h1>
<div class="notice"><p>${sentence(screen)} <a href="https://tidewater.example/desk/index.php?dismiss=${page}&amp;_wpnonce=${nonce("dismiss")}">Dismiss</a></p></div>
<form id="quick" method="post" action="https://tidewater.example/desk/post.php"><input type="hidden" name="action" value="post-quick-draft-save" /><input type="hidden" name="post_ID" value="${owner.between(10_000, 99_999)}" /><input type="hidden" id="_wpnonce" name="_wpnonce" value="${nonce("add-post")}" /><input type="hidden" name="_wp_http_referer" value="/desk/" /><label>Title<input type="text" name="post_title"></label><button class="button">Save draft</button></form>
<h2>Your drafts</h2><ul class="drafts">${Array.from({ length: DRAFTS }, (_, draft) => `<li><a href="https://tidewater.example/desk/post.php?post=${owner.between(10_000, 99_999)}&amp;action=edit">${headline(owner)}</a><p>${sentence(owner)}</p><a class="trash" href="https://tidewater.example/desk/post.php?action=trash&amp;_wpnonce=${nonce(`trash-${draft}`)}">Bin</a></li>`).join("")}</ul>
<h2>Recently published</h2><table>${Array.from({ length: RECENT }, (_, back) => {
    const one = article(seed, newestArticle(moment) - back - page);
    return `<tr id="post-${one.number}"><td><a href="${one.path}">${one.title}</a></td><td>${one.author}</td><td>${ago(moment, one.publishedAt)}</td><td><a href="https://tidewater.example/desk/post.php?post=${one.number}&amp;action=edit">Edit</a> <a href="https://tidewater.example/desk/post.php?post=${one.number}&amp;action=trash&amp;_wpnonce=${nonce(`trash-post-${one.number}`)}">Bin</a></td></tr>`;
  }).join("\n")}</table>
</main>
<footer id="wpfooter"><p>Thank you for creating with the desk. Page made in ${(visit.chance.between(90, 400) / 1000).toFixed(3)} seconds.</p></footer>
${Array.from({ length: SCRIPTS }, (_, at) => `<script src="https://tidewater.example/desk/js/part-${at}.min.js?ver=${fixed.hex(8)}" id="part-${at}-js"></script>`).join("\n")}
${Array.from({ length: MODULES }, (_, at) => moduleOf(fixed, at, nonce)).join("\n")}
<script id="api-request-js-after">
apiFetch.use( apiFetch.createRootURLMiddleware( "https://tidewater.example/api/" ) );
apiFetch.nonceMiddleware = apiFetch.createNonceMiddleware( "${nonce("api")}" );
apiFetch.nonceEndpoint = "https://tidewater.example/desk/ajax.php?action=rest-nonce";
</script>
<script>${LOADER}</script>
</body>
</html>
`;
}

function menuOf(fixed: Chance, menu: number, owner: Chance): string {
  const entries = Array.from(
    { length: ENTRIES_PER_MENU },
    (_, at) =>
      `<li><a href="edit.php?type=${fixed.hex(4)}&amp;page=${menu}-${at}">${headline(fixed)}</a></li>`,
  ).join("");
  const waiting = menu === 3 ? ` <span class="awaiting-mod">${owner.between(0, 40)}</span>` : "";
  return `<li class="menu-top" id="menu-${menu}"><a href="edit.php?menu=${menu}" class="menu-top-${menu}"><span class="menu-image dashicons-before" aria-hidden="true"></span>Section ${menu}${waiting}</a><ul class="submenu">${entries}</ul></li>`;
}

const moduleOf = (fixed: Chance, at: number, nonce: (action: string) => string): string =>
  `<script id="module-${at}-js-extra">
var module${at} = {"ajaxurl":"https:\\/\\/tidewater.example\\/desk\\/ajax.php","nonce":"${nonce(`module-${at}`)}","labels":{"title":"${headline(fixed)}","save":"Save","help":"${sentence(fixed)}"},"interval":${fixed.between(10, 90)}};
</script>`;
