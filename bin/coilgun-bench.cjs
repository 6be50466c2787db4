#!/usr/bin/env node
require("./needs-node.cjs");
require("./start.cjs")("bench/main");
