/**
 * A text that both sides know: what pages of all kinds have in common, and words that are common. Whoever has no page to build on
 * has learnt this before. It stands for the feature "mixed-splices": another text would be another feature. SPEC section "Mixed in
 * units".
 */
export const KNOWN_TEXT: Buffer = Buffer.from(String.raw`<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title></title><link>https://www.</link><description><![CDATA[]]></description><language>en-us</language><item><title><![CDATA[]]></title><guid isPermaLink="false"></guid><pubDate>Mon, 01 Jan 2024 00:00:00 GMT</pubDate></item></channel></rss>
<!DOCTYPE html>
<html lang="en" dir="ltr" class="no-js">
<head>
<meta charset="utf-8">
<meta charset="UTF-8" />
<meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
<meta http-equiv="X-UA-Compatible" content="IE=edge">
<meta name="viewport" content="width=device-width, initial-scale=1, shrink-to-fit=no">
<meta name="description" content=""><meta name="keywords" content=""><meta name="author" content=""><meta name="generator" content="">
<meta name="robots" content="index, follow, max-image-preview:large"><meta name="theme-color" content="#ffffff">
<meta name="csrf-param" content="authenticity_token" /><meta name="csrf-token" content="" />
<meta property="og:title" content=""/><meta property="og:type" content="website"/><meta property="og:url" content="https://www."/><meta property="og:image" content="https://"/><meta property="og:description" content=""/><meta property="og:site_name" content=""/><meta property="og:locale" content="en_US"/>
<meta name="twitter:card" content="summary_large_image"><meta name="twitter:title" content="">
<title></title>
<link rel="canonical" href="https://www."><link rel="shortcut icon" type="image/x-icon" href="/favicon.ico"><link rel="apple-touch-icon" sizes="180x180" href="/apple-touch-icon.png">
<link rel="stylesheet" type="text/css" media="all" href="/css/style.min.css?v=1"><link rel="preload" href="/fonts/" as="font" type="font/woff2" crossorigin="anonymous"><link rel="preconnect" href="https://fonts.googleapis.com"><link rel="alternate" type="application/rss+xml" title="RSS" href="/feed/" hreflang="en"><link rel="manifest" href="/manifest.json"><link rel="dns-prefetch" href="//">
<script type="text/javascript" src="/js/jquery.min.js" async defer></script><link rel="stylesheet" id="style-css" href="/wp-content/themes/style.css?ver=6" media="all" /><script src="/wp-includes/js/script.js"></script>
<script type="application/ld+json">{"@context":"https://schema.org","@type":"WebPage","name":"","url":"https:\/\/www.","datePublished":"2024-01-01T00:00:00+00:00"}</script>
<script>window.dataLayer = window.dataLayer || []; function gtag(){dataLayer.push(arguments);} var config = {"enabled":true,"disabled":false,"value":null}; document.addEventListener("DOMContentLoaded", function(event) { var element = document.getElementById("content"); if (typeof element !== "undefined") { return this.length; } });</script>
<style>body{margin:0;padding:0;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:1.5;color:#333;background-color:#fff} a{color:#0066cc;text-decoration:none} .container{display:flex;width:100%;max-width:1200px;border:1px solid #ccc;position:relative} @media (max-width:768px){.hidden{display:none!important}}</style>
</head>
<body class="home page">
<a class="skip-link screen-reader-text" href="#content">Skip to content</a>
<header id="header" class="site-header" role="banner"><div class="container"><div class="row"><div class="col-md-6 col-sm-12">
<nav class="navbar" id="navigation" role="navigation" aria-label="Main menu"><ul class="menu nav"><li class="menu-item active"><a href="/" title="Home" rel="home">Home</a></li><li><a href="/about">About</a></li><li><a href="/contact">Contact</a></li><li><a href="/news" class="nav-link">News</a></li></ul></nav>
<button type="button" class="btn btn-primary" aria-expanded="false" aria-controls="menu" data-toggle="collapse" data-target="#"><span class="icon" aria-hidden="true"></span></button>
</div></div></div></header>
<main id="main" class="main-content" role="main"><section class="section"><article class="post" id="post-1"><h1 class="title">Title</h1><h2><a href="https://www.example.com/">Heading</a></h2><h3></h3>
<p class="text"><strong></strong> <em></em> <b></b> <i></i><br /><br>&nbsp;&amp;&quot;&#39;&lt;&gt;&raquo;&copy;</p>
<img src="/images/logo.png" alt="" width="300" height="200" loading="lazy" decoding="async" srcset="https:// 300w, https:// 768w, https:// 1024w" sizes="(max-width: 300px) 100vw, 300px" />
<time datetime="2024-01-01T12:00:00Z" class="date">January 1, 2024</time><span class="author">by </span><blockquote></blockquote><hr>
<table class="table" cellspacing="0" cellpadding="0" border="0"><thead><tr><th scope="col">Name</th></tr></thead><tbody><tr><td class="value" align="right"></td><td colspan="2"></td></tr></tbody></table>
<ul class="list"><li class="item"></li></ul><ol></ol><dl><dt></dt><dd></dd></dl><figure><figcaption></figcaption></figure>
<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor"><path d="M0 0h24v24H0z"></path></svg>
</article></section><aside id="sidebar" class="widget"></aside>
<form action="/search" method="post" accept-charset="UTF-8" class="search-form"><input type="hidden" name="authenticity_token" value="" autocomplete="off" /><input type="hidden" name="csrfmiddlewaretoken" value=""><label for="search">Search</label><input type="text" id="search" name="q" value="" placeholder="Search..." class="form-control"><select name="sort"><option value="1" selected="selected">All</option></select><textarea name="text" rows="5" cols="40" id="comment"></textarea><input type="submit" name="submit" value="Send" data-disable-with="Send" class="button"></form>
</main>
<footer id="footer" class="site-footer" role="contentinfo"><p>All rights reserved. Privacy Policy, Terms of Use, Cookies, Log in, Sign up, Register, Subscribe, Share, Read more, Comments, Next, Previous</p></footer>
</body>
</html>
{"id":1,"name":"","title":"","type":"","url":"https://","date":"2024-01-01","created_at":"2024-01-01T00:00:00.000Z","updated_at":"","status":"published","count":0,"data":[{"id":"","text":"","description":null,"image":{"src":"","width":100,"height":100},"user":{"username":"","email":""},"items":[],"active":true,"visible":false,"price":10.00,"tags":["",""]},{"id":2}],"total":10,"page":1,"error":null,"message":"ok","success":true}
The first of these is that there was not enough time for all of them to be made in the same way, and so they have been left out. She said that he would have to wait until after the other people had come from their work. It is one of the most important things which we can do about this. What you need to know: how it works, who may use it, when it was written and why. More than a year ago the new government of the United States has been under public pressure over the last three months, but no one could say where it should go next. They were also being used with some of the information on our site. If your system does not support such a service, please contact us before using it again. The company will make its own report at the end of this week, while two others are still open during the day. Many people think that another world is only a part of what might happen between then and now. This page was last updated on Monday, Tuesday, Wednesday, Thursday, Friday, Saturday or Sunday, January, February, March, April, May, June, July, August, September, October, November, December. Because there are good reasons for it, both sides want to keep what they have. Something like that must always be found by somebody who is looking through it, even without any help, since everything else takes too much time. Each number of the group is set against the point of view of those that were there before. From here to there and back, you see the city, a house, the school, children, water, money, business, family, law, court, state, country, president, market, community, research, program, health, education, history, development, members, local, national, international, general, available, following, including, according to, together with, against, around, within, however, although, therefore, because of, as well as, such as, at least, up to, out of, in order to, more information, learn more.`);
