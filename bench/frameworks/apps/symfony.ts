/** Symfony's http-foundation, whose Response Laravel and Drupal use too: no-cache, private to everybody. */
import type { Application } from "./application.ts";
import { onPhp } from "./php-apps.ts";

export const symfony: Application = {
  name: "symfony",
  debian: ["php-cli", "php-symfony-http-foundation"],
  files: {
    "index.php": `<?php
require "/usr/share/php/Symfony/Component/HttpFoundation/autoload.php";
use Symfony\\Component\\HttpFoundation\\{JsonResponse, Request, Response};
$request = Request::createFromGlobals();
$content = json_decode(file_get_contents(getenv("CONTENT")));
$path = $request->getPathInfo();
if ($path === "/api/stories") {
  $response = new JsonResponse($content);
} else {
  $main = "";
  $one = preg_match("#^/story/(\\\\d+)$#", $path, $found) ? (int) $found[1] : null;
  foreach ($content->stories as $story) {
    if ($one !== null && $story->id !== $one) continue;
    $main .= "<article id=\\"story-$story->id\\"><h2><a href=\\"/story/$story->id\\">$story->title</a></h2><p class=\\"by\\">$story->by</p><p>$story->text</p>";
    if ($one !== null) foreach ($story->remarks as $remark) $main .= "<p class=\\"remark\\">$remark</p>";
    $main .= "</article>\\n";
  }
  $response = new Response("<!doctype html>\\n<html lang=\\"en\\"><head><meta charset=\\"utf-8\\"><title>News</title><link rel=\\"stylesheet\\" href=\\"/site.css\\"></head>\\n<body><nav><a href=\\"/\\">News</a> <a href=\\"/about\\">About</a></nav><main>\\n$main</main></body></html>\\n");
}
$response->prepare($request)->send();
`,
  },
  start: onPhp("index.php"),
  pages: ["/", "/story/9", "/story/12", "/api/stories"],
};
