// What the page knows: named values, and who is told of a change. Tellings are gathered into one animation frame, so
// that ten changes between two frames draw once, and all views of one frame agree.

export function createStore(initial = {}, schedule = (fn) => requestAnimationFrame(fn)) {
  const values = new Map(Object.entries(initial));
  const watchers = new Map(); // key -> Set of {keys, fn}
  const due = new Set();

  function tell({ keys, fn }) {
    fn(...keys.map((key) => values.get(key)));
  }

  function flush() {
    const now = [...due];
    due.clear();
    for (const watcher of now) {
      try {
        tell(watcher);
      } catch (error) {
        console.error(error); // one broken view does not take the others with it
      }
    }
  }

  return {
    get: (key) => values.get(key),

    // Equal primitives are no change; objects always are, so that a grown array may be set again.
    set(key, value) {
      if (Object.is(values.get(key), value) && (typeof value !== "object" || value === null)) return;
      values.set(key, value);
      if (due.size === 0 && watchers.get(key)?.size) schedule(flush);
      for (const watcher of watchers.get(key) ?? []) due.add(watcher);
    },

    // fn(value of each key ...), at once and after every change; returns a function that ends it.
    on(keys, fn) {
      const watcher = { keys: [keys].flat(), fn };
      for (const key of watcher.keys) {
        if (!watchers.has(key)) watchers.set(key, new Set());
        watchers.get(key).add(watcher);
      }
      tell(watcher);
      return () => {
        due.delete(watcher);
        for (const key of watcher.keys) watchers.get(key).delete(watcher);
      };
    },
  };
}
