/** What an application of the run is: how it is installed and started, which pages are visited, who signs in, and what changes. */
import { chanceFor } from "../../demo-site/chance.ts";
import { headline, paragraph, person, remark } from "../../demo-site/prose.ts";
import type { Browser } from "./browser.ts";

/** Where an installed application runs. */
export interface Place {
  /** Installed files; the same for all runs. */
  readonly folder: string;
  /** Its data, this run's own: a copy of what `install` left in `state/`. */
  readonly state: string;
  /** host:port that it must listen on. */
  readonly address: string;
  readonly port: string;
  /** The Host of its visitors. */
  readonly host: string;
  /** A file with the stories of applications that are written for this run: `Content` as JSON, read for each page. */
  readonly content: string;
}

export interface Command {
  readonly run: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Application {
  readonly name: string;
  /** Debian packages that must be there. */
  readonly debian?: readonly string[];
  /** npm packages with exact versions. */
  readonly npm?: Readonly<Record<string, string>>;
  /** Files of the application, by their path in its folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** Applications of one folder are installed once. */
  readonly folder?: string;
  /** Run in the folder, once, after files and packages; what is data goes to `state/`. */
  readonly install?: (place: Place) => readonly Command[];
  /** Processes that run while it is visited; the last one answers at the address. */
  readonly start: (place: Place) => readonly Command[];
  /** Request targets; a visitor's tour asks for each in this order. */
  readonly pages: readonly string[];
  /** The tour of who is signed in, where it is another. */
  readonly userPages?: readonly string[];
  /** Signs user `n` (from 0) in; without it nobody does. */
  readonly signIn?: (browser: Browser, n: number) => Promise<unknown>;
  /** Run between rounds in place of new content, as change number `n`. */
  readonly change?: (place: Place, n: number) => Command;
}

export interface Content {
  readonly edition: number;
  readonly stories: readonly {
    readonly id: number;
    readonly title: string;
    readonly by: string;
    readonly text: string;
    readonly remarks: readonly string[];
  }[];
}

const STORIES = 20;

/** The stories as they stand after `edition` changes: each brings a story and a remark on another. */
export function contentOf(edition: number): Content {
  const story = (id: number) => {
    const chance = chanceFor("frameworks", id);
    const remarks = Array.from({ length: 2 + (id % 3) }, () => remark(chance));
    return { id, title: headline(chance), by: person(chance), text: paragraph(chance), remarks };
  };
  const stories = Array.from({ length: STORIES }, (_, at) => story(edition + STORIES - at));
  const late = remark(chanceFor("frameworks", "late", edition));
  return {
    edition,
    stories: stories.map((one, at) => (at === 7 ? { ...one, remarks: [...one.remarks, late] } : one)),
  };
}

/** The user names and the password of those who sign in. */
export const userName = (n: number): string => `Reader${n + 1}`;
export const PASSWORD = "correct-horse-battery-5";
export const USERS = 5;
