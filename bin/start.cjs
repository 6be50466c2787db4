/** Starts a program of the built package. A file of its own because a Node.js without `import()` cannot read it. */
module.exports = function start(program) {
  // Until a daemon's modules are here, which takes a while, what log rotation or a reload sends it neither ends it nor opens Node's debugger
  // to everybody on the machine. The daemon's own listeners come beside these.
  if (["run", "alone"].includes(process.argv[2]))
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2"]) process.on(signal, () => {});
  return import(`../dist/${program}.js`);
};
