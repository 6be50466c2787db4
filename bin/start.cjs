/** Starts a program of the built package. A file of its own because a Node.js without `import()` cannot read it. */
module.exports = function start(program) {
  return import(`../dist/${program}.js`);
};
