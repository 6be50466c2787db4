/** As many heads as a link remembers in one direction; looking through them costs less than a WeakMap does when it is collected. */
const KEPT = 32;

/** What is read off an object that never changes, such as a head that comes again and again, is read once for the last few of them. */
export const onceFor = <Key extends object, Value>(read: (key: Key) => Value): ((key: Key) => Value) => {
  const keys: Key[] = [];
  const values: Value[] = [];
  let next = 0;
  return (key) => {
    const at = keys.indexOf(key);
    if (at !== -1) return values[at] as Value;
    const value = read(key);
    keys[next] = key;
    values[next] = value;
    next = (next + 1) % KEPT;
    return value;
  };
};
