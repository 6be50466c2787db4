/** What Laravel makes of sessions, by its own parts: two cookies, both encrypted anew with each answer, and one of them comes again in a header of scripts. */
import { type Application, PASSWORD, userName } from "./application.ts";
import { hiddenField } from "./browser.ts";
import { onPhp } from "./php-apps.ts";

export const laravel: Application = {
  name: "laravel",
  debian: [
    "php-cli",
    ..."php-illuminate-cookie php-illuminate-encryption php-illuminate-filesystem php-illuminate-session".split(
      " ",
    ),
    "php-symfony-http-foundation",
  ],
  files: {
    "index.php": `<?php
foreach (["Cookie", "Encryption", "Filesystem", "Session"] as $part) require "Illuminate/$part/autoload.php";
require "Carbon/autoload.php";
require "Symfony/Component/HttpFoundation/autoload.php";
use Illuminate\\Cookie\\CookieValuePrefix;
use Illuminate\\Encryption\\Encrypter;
use Illuminate\\Filesystem\\Filesystem;
use Illuminate\\Session\\{FileSessionHandler, Store};
use Symfony\\Component\\HttpFoundation\\{Cookie, JsonResponse, RedirectResponse, Request, Response};
$key = str_repeat("k", 32);
$encrypter = new Encrypter($key, "AES-256-CBC");
$request = Request::createFromGlobals();
$session = new Store("laravel_session", new FileSessionHandler(new Filesystem, getenv("STATE"), 120));
try {
  $session->setId(CookieValuePrefix::remove($encrypter->decrypt($request->cookies->get("laravel_session", ""), false)));
} catch (Illuminate\\Contracts\\Encryption\\DecryptException) {
}
$session->start();
$token = $session->token();
$content = json_decode(file_get_contents(getenv("CONTENT")));
$path = $request->getPathInfo();
$form = "<form method=\\"post\\"><input type=\\"hidden\\" name=\\"_token\\" value=\\"$token\\"></form>";
if ($path === "/api/stories") {
  $response = new JsonResponse($content);
} elseif ($path === "/login" && $request->isMethod("POST")) {
  if (!hash_equals($token, $request->request->get("_token"))) exit(http_response_code(419));
  $session->regenerate(true);
  $session->put("user", $request->request->get("username"));
  $response = new RedirectResponse("/");
} else {
  $main = $path === "/login" ? $form : "";
  $one = preg_match("#^/story/(\\\\d+)$#", $path, $found) ? (int) $found[1] : null;
  foreach ($content->stories as $story) {
    if ($path === "/login" || ($one !== null && $story->id !== $one)) continue;
    $main .= "<article id=\\"story-$story->id\\"><h2><a href=\\"/story/$story->id\\">$story->title</a></h2><p class=\\"by\\">$story->by</p><p>$story->text</p>";
    if ($one !== null) $main .= "<p>" . implode("</p><p>", $story->remarks) . "</p>$form";
    $main .= "</article>\\n";
  }
  $user = htmlspecialchars($session->get("user", "Sign in"));
  $response = new Response("<!doctype html>\\n<html lang=\\"en\\"><head><meta charset=\\"utf-8\\"><meta name=\\"csrf-token\\" content=\\"$token\\"><title>News</title></head>\\n<body><nav><a href=\\"/\\">News</a> <a href=\\"/login\\">$user</a></nav><main>\\n$main</main></body></html>\\n");
}
$session->put("_previous.url", $request->getUri());
$session->save();
foreach (["XSRF-TOKEN" => $session->token(), "laravel_session" => $session->getId()] as $name => $value) {
  $sealed = $encrypter->encrypt(CookieValuePrefix::create($name, $key) . $value, false);
  $response->headers->setCookie(Cookie::create($name, $sealed, time() + 7200, "/", null, false, $name !== "XSRF-TOKEN", false, "lax"));
}
$response->prepare($request)->send();
`,
  },
  start: onPhp("-d", "include_path=.:/usr/share/php", "index.php"),
  pages: ["/", "/story/9", "/story/12", "/api/stories"],
  async signIn(browser, n) {
    const _token = hiddenField(await browser.get("/login"), "_token");
    await browser.post("/login", { _token, username: userName(n), password: PASSWORD });
  },
};
