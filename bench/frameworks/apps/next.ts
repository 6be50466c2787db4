/** Next.js: pages and app router, both in one build. Every dynamic page says private and no-store to everybody. */
import type { Application } from "./application.ts";
import { onNode } from "./node-apps.ts";

const files = {
  "next.config.js":
    "module.exports = { experimental: { cpus: 1 }, typescript: { ignoreBuildErrors: true } };",
  "jsconfig.json": '{"compilerOptions":{"paths":{"@/*":["./*"]}}}',
  "content.js": `
import { readFileSync } from "node:fs";
export const content = () => JSON.parse(readFileSync(process.env.CONTENT, "utf8"));
export const storyOf = (id) => content().stories.find((one) => one.id === Number(id));
`,
  "stories.js": `
export const Stories = ({ stories }) => <main>{stories.map((one) => <article key={one.id}><h2>{one.title}</h2><p>{one.by}, {one.remarks.length} remarks</p><p>{one.text}</p></article>)}</main>;
export const Story = ({ one }) => <main><h1>{one.title}</h1><p>{one.by}</p><p>{one.text}</p><ul>{one.remarks.map((text) => <li key={text}>{text}</li>)}</ul></main>;
`,
  "pages/pages/index.js": `
import { content } from "@/content";
import { Stories } from "@/stories";
export const getServerSideProps = async () => ({ props: { stories: content().stories.slice(0, 6) } });
export default Stories;
`,
  "pages/pages/story/[id].js": `
import { storyOf } from "@/content";
import { Story } from "@/stories";
export const getServerSideProps = async ({ params }) => ({ props: { one: storyOf(params.id) } });
export default Story;
`,
  "app/layout.js": `
export const metadata = { title: "News" };
export default function Layout({ children }) { return <html lang="en"><body><nav><a href="/">News</a></nav>{children}</body></html>; }
`,
  "app/page.js": `
import { content } from "@/content";
import { Stories } from "@/stories";
export const dynamic = "force-dynamic";
export default function Page() { return <Stories stories={content().stories.slice(0, 6)} />; }
`,
  "app/story/[id]/page.js": `
import { storyOf } from "@/content";
import { Story } from "@/stories";
export const dynamic = "force-dynamic";
export default async function Page({ params }) { return <Story one={storyOf((await params).id)} />; }
`,
};

const shared = {
  folder: "next",
  npm: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
  files,
  install: () => [
    {
      run: [process.execPath, "node_modules/next/dist/bin/next", "build"],
      env: { NEXT_TELEMETRY_DISABLED: "1", CONTENT: "/dev/null" },
    } as const,
  ],
  start: (place: Parameters<ReturnType<typeof onNode>>[0]) =>
    onNode("node_modules/next/dist/bin/next", "start", "-p", place.port, "-H", "127.0.0.1")(place),
};

export const nextPages: Application = {
  ...shared,
  name: "next-pages",
  pages: ["/pages", "/pages/story/9", "/pages/story/12"],
};

export const nextApp: Application = { ...shared, name: "next-app", pages: ["/", "/story/9", "/story/12"] };
