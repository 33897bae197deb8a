// Messages on their way to the server, at most 25 a second (30 more are acknowledgements; the server takes 60). What is
// overtaken while it waits is not sent: of a dragged slider or a moving pointer only the latest goes out.

const PAUSE = 40; // ms between two messages

// How a waiting message and a later one of the same key become one.
const KEYS = {
  view: { key: () => "view", merge: (old, now) => ({ ...old, ...now }) },
  settings: { key: () => "settings", merge: mergeSettings, orders: true },
  run: { key: () => "run", merge: (old, now) => now, orders: true },
  step: { key: (m) => `step ${m.unit}`, merge: addSteps, orders: true },
  weight: { key: (m) => `weight ${m.layer} ${m.to} ${m.from}`, merge: (old, now) => now },
  bias: { key: (m) => `bias ${m.layer} ${m.neuron}`, merge: (old, now) => now },
  by_hand: { key: () => "by_hand", merge: (old, now) => now },
};

function mergeSettings(old, now) {
  return { ...old, settings: { ...old.settings, ...now.settings } };
}

function addSteps(old, now) {
  return { ...now, times: Math.min(1000, old.times + now.times) };
}

const DEFAULT = { key: () => null, orders: true };

export function createOutbox(transmit, clock = { now: () => performance.now(), after: (fn, ms) => setTimeout(fn, ms) }) {
  let queue = [];
  let last = -Infinity;
  let timed = false;

  function pump() {
    if (queue.length === 0 || timed) return;
    const wait = last + PAUSE - clock.now();
    if (wait > 0) {
      timed = true;
      clock.after(() => {
        timed = false;
        pump();
      }, wait);
      return;
    }
    last = clock.now();
    transmit(queue.shift());
    pump();
  }

  return {
    // A message joins a waiting one of its key, unless one whose place matters (a reset, say) stands between.
    send(message) {
      const { key, merge, orders } = KEYS[message.type] ?? DEFAULT;
      const own = key(message);
      for (let i = queue.length - 1; i >= 0 && own !== null; i--) {
        const there = KEYS[queue[i].type] ?? DEFAULT;
        if (there.key(queue[i]) === own) {
          queue[i] = merge(queue[i], message);
          return;
        }
        if (there.orders) break;
        if (orders && there !== KEYS.view && there !== KEYS.by_hand) break;
      }
      queue.push(message);
      pump();
    },
    clear() {
      queue = [];
    },
  };
}
