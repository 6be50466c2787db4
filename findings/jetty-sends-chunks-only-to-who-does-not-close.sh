#!/usr/bin/env bash
# Jetty 9.4.57 (Debian 12's libjetty9-java 9.4.57-1.1~deb12u1): a page without a length comes in chunks, but to a request of HTTP/1.1 that says
# Connection: close without any framing. One that breaks off (the servlet throws after the first flush) is visibly cut in chunks, and looks whole without:
# the connection ends in order. nginx says Connection: close to its web servers unless told otherwise.
# Seen: kept: chunked, cut; close: no framing, ends in order
# What it means here: the origin side keeps its connections (unless `rest: 0ms` closes each), so that it sees which pages broke off.
set -euo pipefail
jars=$(ls /usr/share/java/jetty9-{server,servlet,util,http,io,security}.jar /usr/share/java/servlet-api-4*.jar 2>/dev/null | tr '\n' ':' || true)
command -v javac >/dev/null && [ -n "$jars" ] || { echo "needs Debian's libjetty9-java and a JDK" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >Scene.java <<'JAVA'
import java.io.*;
import java.net.*;
import javax.servlet.http.*;
import org.eclipse.jetty.server.*;
import org.eclipse.jetty.servlet.ServletHandler;

public class Scene extends HttpServlet {
  @Override protected void doGet(HttpServletRequest q, HttpServletResponse r) throws IOException {
    r.setContentType("text/html");
    r.getWriter().write("<p>first</p>");
    r.flushBuffer();
    throw new IllegalStateException("broken");
  }

  static String ask(int port, String more) throws IOException {
    try (Socket s = new Socket("127.0.0.1", port)) {
      s.setSoTimeout(5000);
      s.getOutputStream().write(("GET / HTTP/1.1\r\nHost: a\r\n" + more + "\r\n").getBytes());
      String got;
      try { got = new String(s.getInputStream().readAllBytes()); } catch (SocketException e) { return "reset"; }
      boolean chunked = got.toLowerCase().contains("transfer-encoding: chunked");
      boolean length = got.toLowerCase().contains("content-length:");
      if (chunked) return "chunked, " + (got.endsWith("0\r\n\r\n") ? "whole" : "cut");
      return length ? "with a length" : "no framing, ends in order";
    }
  }

  public static void main(String[] args) throws Exception {
    Server server = new Server(new InetSocketAddress("127.0.0.1", 0));
    ServletHandler servlets = new ServletHandler();
    servlets.addServletWithMapping(Scene.class, "/*");
    server.setHandler(servlets);
    server.start();
    int port = ((ServerConnector) server.getConnectors()[0]).getLocalPort();
    System.out.println("kept: " + ask(port, "") + "; close: " + ask(port, "Connection: close\r\n"));
    server.stop();
    System.exit(0);
  }
}
JAVA
javac -cp "$jars" Scene.java
seen=$(java -cp "$jars:." Scene 2>/dev/null)
echo "Jetty $(dpkg-query -W -f='${Version}' libjetty9-java): $seen"
[ "$seen" = 'kept: chunked, cut; close: no framing, ends in order' ]
