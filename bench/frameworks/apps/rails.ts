/** Rails with its cookie store: private to everybody, a masked token in the head and in each form, the session renewed when it is touched. */
import type { Application } from "./application.ts";

export const rails: Application = {
  name: "rails",
  debian: ["ruby-rails", "puma"],
  files: {
    "config.ru": `
require "action_controller/railtie"
class News < Rails::Application
  config.load_defaults 6.1
  config.root = __dir__
  config.eager_load = true
  config.consider_all_requests_local = false
  config.logger = Logger.new(nil)
  config.secret_key_base = "0123456789abcdef" * 8
  config.session_store :cookie_store, key: "_news_session"
  config.hosts.clear
  routes.append do
    root to: "stories#index"
    get "/story/:id", to: "stories#show"
    get "/api/stories", to: "stories#api"
  end
end
class StoriesController < ActionController::Base
  before_action { session[:visits] = session[:visits].to_i + 1 }
  before_action { @content = JSON.parse(File.read(ENV["CONTENT"])) }
  LAYOUT = "<!doctype html>\\n<html lang=\\"en\\"><head><title>News</title><%= csrf_meta_tags %></head><body><nav><a href=\\"/\\">News</a></nav>"
  FORM = "<%= form_with url: '/remarks' do |form| %><%= form.text_area :text %><%= form.submit 'Send' %><% end %>"
  def index
    render inline: LAYOUT + "<% @content['stories'].each do |one| %><article><h2><a href=\\"/story/<%= one['id'] %>\\"><%= one['title'] %></a></h2><p><%= one['by'] %></p><p><%= one['text'] %></p></article>\\n<% end %></body></html>"
  end
  def show
    @one = @content["stories"].find { |one| one["id"] == params[:id].to_i }
    render inline: LAYOUT + "<h1><%= @one['title'] %></h1><p><%= @one['text'] %></p><ul><% @one['remarks'].each do |text| %><li><%= text %></li><% end %></ul>" + FORM + "</body></html>"
  end
  def api = render(json: @content)
end
News.initialize!
run News
`,
  },
  start: ({ address, content }) => [
    {
      run: ["puma", "-e", "production", "-t", "1:4", "-b", `tcp://${address}`, "config.ru"],
      env: { CONTENT: content, RAILS_ENV: "production" },
    },
  ],
  pages: ["/", "/story/9", "/story/12", "/api/stories"],
};
