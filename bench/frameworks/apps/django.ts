/** Django: a masked token in each form, and its cookie on a first visit; who signs in has a session. */
import { type Application, PASSWORD, USERS, userName } from "./application.ts";
import { hiddenField } from "./browser.ts";

const PYTHON = "/usr/bin/python3";

export const django: Application = {
  name: "django",
  debian: ["python3-django"],
  files: {
    "site.py": `
import json, os, sys
from django.conf import settings
settings.configure(
    ALLOWED_HOSTS=["*"], SECRET_KEY="0123456789abcdef" * 4, ROOT_URLCONF=__name__, DEBUG=False, USE_TZ=True,
    LOGIN_REDIRECT_URL="/", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(os.environ["STATE"], "site.db")}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {
        "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth"],
        "loaders": [("django.template.loaders.locmem.Loader", {
            "layout.html": '<!doctype html>\\n<html lang="en"><head><meta charset="utf-8"><title>News</title></head><body><nav><a href="/">News</a> {{ user.username }}</nav>{% block main %}{% endblock %}</body></html>',
            "list.html": '{% extends "layout.html" %}{% block main %}{% for one in stories %}<article><h2><a href="/story/{{ one.id }}">{{ one.title }}</a></h2><p>{{ one.by }}</p><p>{{ one.text }}</p></article>\\n{% endfor %}{% endblock %}',
            "story.html": '{% extends "layout.html" %}{% block main %}<h1>{{ one.title }}</h1><p>{{ one.text }}</p><ul>{% for text in one.remarks %}<li>{{ text }}</li>{% endfor %}</ul><form method="post">{% csrf_token %}<textarea name="text"></textarea></form>{% endblock %}',
            "registration/login.html": '<form method="post">{% csrf_token %}{{ form }}</form>',
        })]}}])
import django
django.setup()
from django.contrib.auth.views import LoginView
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.shortcuts import render
from django.urls import path
content = lambda: json.load(open(os.environ["CONTENT"]))
story_of = lambda id: next(one for one in content()["stories"] if one["id"] == id)
urlpatterns = [
    path("", lambda request: render(request, "list.html", content())),
    path("story/<int:id>", lambda request, id: render(request, "story.html", {"one": story_of(id)})),
    path("api/stories", lambda request: JsonResponse(content())),
    path("login/", LoginView.as_view()),
]
application = get_wsgi_application()
if sys.argv[1] == "install":
    execute_from_command_line(["site.py", "migrate", "--verbosity", "0"])
    from django.contrib.auth.models import User
    for name in sys.argv[3:]: User.objects.create_user(name, password=sys.argv[2])
else:
    execute_from_command_line(["site.py", "runserver", "--noreload", sys.argv[1]])
`,
  },
  install: ({ state, content }) => [
    {
      run: [PYTHON, "site.py", "install", PASSWORD, ...Array.from({ length: USERS }, (_, n) => userName(n))],
      env: { STATE: state, CONTENT: content },
    },
  ],
  start: ({ address, state, content }) => [
    { run: [PYTHON, "site.py", address], env: { STATE: state, CONTENT: content } },
  ],
  pages: ["/", "/story/9", "/story/12", "/api/stories"],
  async signIn(browser, n) {
    const csrfmiddlewaretoken = hiddenField(await browser.get("/login/"), "csrfmiddlewaretoken");
    await browser.post("/login/", { csrfmiddlewaretoken, username: userName(n), password: PASSWORD });
  },
};
