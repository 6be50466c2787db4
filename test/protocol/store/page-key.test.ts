import { describe, expect, it } from "vitest";
import {
  MOST_PART_CHARS,
  MOST_QUERY_NAMES,
  MOST_SEGMENTS,
  pageKeyOf,
} from "../../../protocol/store/page-key.ts";

const templates = (target: string) => pageKeyOf(target).templates;

describe("pageKeyOf", () => {
  it.each([
    ["/", ["html /", "html **"]],
    ["/about", ["html /*", "html **"]],
    ["/about/", ["html /*/", "html /about/**", "html **"]],
    ["/2024/", ["html /#/", "html /#/**", "html **"]],
    ["//", ["html //", "html **"]],
    ["/article/123-some-slug?page=2", ["html /article/*?page", "html /article/**", "html **"]],
    ["/blog/2024/05/17/what-we-learned/", ["html /blog/#/#/#/*/", "html /blog/**", "html **"]],
    ["/t/topic-name/4411", ["html /t/*/#", "html /t/**", "html **"]],
    ["/index.php?id=7", ["html /index.php?id", "html **"]],
    ["/viewtopic.php?f=3&t=9", ["html /viewtopic.php?f&t", "html **"]],
    ["/a/b/page-17.html", ["html /a/b/*.html", "html /a/**", "html **"]],
    ["/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301", ["html /users/*", "html /users/**", "html **"]],
    ["/wp-json/wp/v2/posts/12", ["json /wp-json/wp/v2/posts/#", "json /wp-json/**", "json **"]],
    ["/data/outages.JSON?_=1699999999", ["json /data/*.json?_", "json /data/**", "json **"]],
    ["/news/feed", ["xml /news/feed", "xml /news/**", "xml **"]],
    ["/rss.xml", ["xml /*.xml", "xml **"]],
    ["/style.css?1699999999", ["css /*.css", "css **"]],
    ["/caf%C3%A9/latte", ["html /*/*", "html /*/**", "html **"]],
  ])("%s", (target, expected) => {
    const showing = /^(json|xml) /.test(expected[0] ?? "") ? "html **" : undefined;
    expect(pageKeyOf(target)).toEqual({ url: target, templates: expected, showing });
  });

  it.each([
    ["/article/123-some-slug", "/article/987-other"],
    ["/t/topic-name/4411", "/t/another-topic/4500"],
    ["/index.php?id=7", "/index.php?id=9"],
    ["/a/b/page-17.html", "/a/b/page-18.html"],
    ["/2023/12/31/old-post/", "/2024/01/01/new-post/"],
    ["/api/items/a1b2c3d4", "/api/items/ffee0011"],
  ])("%s and %s share the most specific template", (one, other) => {
    expect(templates(one)[0]).toBe(templates(other)[0]);
  });

  it("finds the page that a section begins with among those below it", () => {
    expect(templates("/admin/")[1]).toBe(templates("/admin/edit.php")[1]);
    expect(templates("/admin")).not.toContain(templates("/admin/edit.php")[1]);
  });

  it.each([
    ["/article/123-some-slug", "/author/ann"],
    ["/index.php?id=7", "/index.php?id=7&print=1"],
    ["/viewtopic.php?t=1", "/viewforum.php?t=1"],
    ["/data/1.json", "/data/1.html"],
  ])("%s and %s do not", (one, other) => {
    expect(templates(one)[0]).not.toBe(templates(other)[0]);
  });

  it.each(["*", "", "http://example.com/x", "example.com:443"])(
    "has no template for the target %j",
    (target) => {
      expect(pageKeyOf(target)).toEqual({ url: target, templates: [] });
    },
  );

  it("makes no template that could be a request target", () => {
    for (const target of ["/", "/a", "/a/b.json?x=1", "/1/2/3"])
      for (const template of templates(target)) expect(template).toContain(" ");
  });

  it("cuts paths below the last segment that counts", () => {
    const path = (segments: number) => `/${Array.from({ length: segments }, () => "s").join("/")}`;
    expect(templates(path(MOST_SEGMENTS))[0]).toBe("html /s/s/s/s/s/s/s/*");
    expect(templates(path(MOST_SEGMENTS + 1))[0]).toBe("html /s/s/s/s/s/s/s/s/**");
    expect(templates(path(MOST_SEGMENTS + 50))[0]).toBe(templates(path(MOST_SEGMENTS + 1))[0]);
  });

  it("cuts long names and long queries, so that a template stays small", () => {
    const name = "n".repeat(MOST_PART_CHARS);
    expect(templates(`/${name}/x?${name}=1`)[0]).toBe(`html /${name}/*?${name}`);
    expect(templates(`/${name}n/x?${name}n=1`)[0]).toBe("html /*/*?*");
    const query = (names: number) => Array.from({ length: names }, (_, at) => `q${at}=1`).join("&");
    expect(templates(`/?${query(MOST_QUERY_NAMES + 1)}`)).toEqual(templates(`/?${query(MOST_QUERY_NAMES)}`));
    const longest = pageKeyOf(`/${"x/".repeat(5_000)}?${"y".repeat(9_000)}&${query(900)}`);
    for (const template of longest.templates) expect(template.length).toBeLessThan(500);
  });
});
