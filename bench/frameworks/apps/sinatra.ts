/** Sinatra with sessions: a cookie for each visitor, renewed with each answer. */
import type { Application } from "./application.ts";

export const sinatra: Application = {
  name: "sinatra",
  debian: ["ruby-sinatra", "puma"],
  files: {
    "config.ru": `
require "json"
require "sinatra/base"
class News < Sinatra::Base
  set :environment, :production
  set :sessions, key: "news.session"
  set :session_secret, "0123456789abcdef" * 4
  set :protection, host_authorization: {}
  helpers { def content = JSON.parse(File.read(ENV["CONTENT"])) }
  template(:layout) { "<!doctype html>\\n<html lang=\\"en\\"><head><meta charset=\\"utf-8\\"><title>News</title><link rel=\\"stylesheet\\" href=\\"/site.css\\"></head>\\n<body><nav><a href=\\"/\\">News</a> <a href=\\"/about\\">About</a></nav><main><%= yield %></main></body></html>" }
  template(:list) { "<% @stories.each do |one| %><article><h2><a href=\\"/story/<%= one['id'] %>\\"><%= one['title'] %></a></h2><p><%= one['by'] %></p><p><%= one['text'] %></p></article>\\n<% end %>" }
  template(:story) { "<h1><%= @one['title'] %></h1><p><%= @one['by'] %></p><p><%= @one['text'] %></p><ul><% @one['remarks'].each do |text| %><li><%= text %></li><% end %></ul>" }
  before { session[:seen] ||= true }
  get("/") { @stories = content["stories"]; erb :list }
  get("/story/:id") { @one = content["stories"].find { |one| one["id"] == params[:id].to_i }; erb :story }
  get("/api/stories") { content_type :json; content.to_json }
end
run News
`,
  },
  start: ({ address, content }) => [
    {
      run: ["puma", "-e", "production", "-t", "1:4", "-b", `tcp://${address}`, "config.ru"],
      env: { CONTENT: content },
    },
  ],
  pages: ["/", "/story/9", "/story/12", "/api/stories"],
};
