// Losses by epoch, [[epoch, train, test], ...], as they come with the frames. Beyond a bound every other of the older half
// goes: a chart has fewer pixels.

const BOUND = 4000;

export function createHistory(bound = BOUND) {
  const rows = [];

  function thin() {
    const half = Math.floor(rows.length / 2);
    const kept = rows.filter((row, index) => index >= half || index % 2 === 0);
    rows.splice(0, rows.length, ...kept);
  }

  return {
    rows, // always the same array
    replace(now) {
      rows.length = 0;
      this.append(now);
    },
    // What is not later than the last is known already.
    append(more) {
      for (const row of more) {
        if (rows.length === 0 || row[0] > rows.at(-1)[0]) rows.push(row);
      }
      if (rows.length > bound) thin();
    },
  };
}
