#!/usr/bin/env node
require("./needs-node.cjs");
require("./start.cjs")("origin-side/main");
