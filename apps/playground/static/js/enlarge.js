// A field with more cells, linear between those given: so that the border of a decision is a line and no staircase.

// bytes: (side*side), 0 = NaN (kept wherever one takes part); -> (side*times)^2 bytes.
export function enlarge(bytes, side, times) {
  const size = side * times;
  const larger = new Uint8Array(size * size);
  const places = Array.from({ length: size }, (_, i) => {
    const at = Math.min(side - 1, Math.max(0, (i + 0.5) / times - 0.5)); // cells hold the values of their centres
    const low = Math.min(side - 2, Math.floor(at));
    return { low, share: at - low };
  });
  places.forEach(({ low: row, share: down }, i) => {
    places.forEach(({ low: column, share: right }, j) => {
      const start = row * side + column;
      const [a, b, c, d] = [bytes[start], bytes[start + 1], bytes[start + side], bytes[start + side + 1]];
      const known = a !== 0 && b !== 0 && c !== 0 && d !== 0;
      larger[i * size + j] = known ? Math.round((a + (b - a) * right) * (1 - down) + (c + (d - c) * right) * down) : 0;
    });
  });
  return larger;
}
