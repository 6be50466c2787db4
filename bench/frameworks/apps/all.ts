/** The applications of the run, in its order. */
import type { Application } from "./application.ts";
import { cookieSession } from "./cookie-session.ts";
import { django } from "./django.ts";
import { dokuwiki } from "./dokuwiki.ts";
import { etherpad } from "./etherpad.ts";
import { express } from "./express.ts";
import { laravel } from "./laravel.ts";
import { mediawiki } from "./mediawiki.ts";
import { nest } from "./nest.ts";
import { nextApp, nextPages } from "./next.ts";
import { rails } from "./rails.ts";
import { sinatra } from "./sinatra.ts";
import { sveltekit } from "./sveltekit.ts";
import { symfony } from "./symfony.ts";
import { wordpress } from "./wordpress.ts";

export const APPLICATIONS: readonly Application[] = [
  nextPages,
  nextApp,
  sveltekit,
  express,
  nest,
  cookieSession,
  etherpad,
  rails,
  sinatra,
  django,
  symfony,
  laravel,
  dokuwiki,
  mediawiki,
  wordpress,
];
