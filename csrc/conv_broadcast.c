/* The broadcast product: the shifted product of conv.h with output channels in the lanes,
 *   sums[place, k] = bias[k] + sum_c,t planes[c, place + offset[t]] * panel[c, t, k],   y_k[place] =
 * sums[place, k].
 *
 * Each input is read by itself, so a stride costs nothing: the planes are not dealt into phases. The phases of
 * a strided gradient are parts with taps of their own; their sums meet in one image, which is transposed as a
 * whole. It wastes no lanes on the gaps between short rows (7 x 7 outputs would leave a quarter of them idle), but y
 * must be transposed, so it wants many terms. These are outer sums (conv.h) with the parts exchanged: the
 * terms are places, and the lines are runs of taps with neighbouring weights and inputs. Channels are taken
 * in chunks whose weights stay in L1 for all places; sums continue from chunk to chunk, so the order of
 * addition is that of the shifted product, and so is every bit of the result.
 *
 * y doesn't overlap planes or panel. One thread: callers share out the work. */
#include "conv.h"
#include "transpose.h"

enum { L1_WEIGHTS = 24 << 10, FEWEST_TERMS = 96, ENOUGH_PLACES = 96 };

/* Channels whose weights stay in L1. */
static int64_t chunk_of(int64_t vectors, int64_t taps) {
  return conv_max(1, L1_WEIGHTS / (vectors * VBYTES) / conv_max(1, taps));
}

/* Lines of a chunk, with up to so many taps. */
static int64_t most_lines(int64_t vectors, int64_t taps) {
  return conv_max(L1_WEIGHTS / (vectors * VBYTES), taps);
}

conv_lanes NAME(conv_lanes_of)(int64_t outputs, int64_t images, int64_t places, int64_t parts,
                               int64_t shifted, int64_t channels, int64_t taps, int64_t most_taps) {
  conv_lanes lanes = {.places = places, .taps = most_taps};
  int64_t part = conv_max(1, conv_ceil(places, parts));
  lanes.images = conv_max(1, conv_min(images, conv_ceil(ENOUGH_PLACES, part)));
  int64_t all = conv_ceil(outputs, VL), best = 0;
  for (int64_t most = CONV_SUM_VECTORS; most > 1 && all > 1;
       most--) { /* one vector would wait for its loads */
    int64_t vectors = conv_ceil(all, conv_ceil(all, most));
    int64_t work = conv_round(all, vectors) * parts * NAME(conv_outer_terms)(lanes.images * part, vectors);
    if (!best || work < best) lanes.vectors = vectors, best = work;
  }
  /* An eighth more for the transposition and for sums that come and go. */
  int64_t other = lanes.images * parts * conv_round(shifted, VL) * conv_round(outputs, 4) / VL;
  if (!best || parts > CONV_PARTS || channels * taps < FEWEST_TERMS || best * 9 / 8 >= other)
    return (conv_lanes){.images = 1};
  lanes.bytes = lanes.images * places * (lanes.vectors * VBYTES + 2 * (int64_t)sizeof(int64_t)) +
                2 * most_lines(lanes.vectors, most_taps) * (int64_t)sizeof(int64_t);
  lanes.bytes = conv_round(lanes.bytes, 64);
  return lanes;
}

void NAME(conv_lanes_in)(conv_lanes *lanes, void *memory) {
  lanes->sums = memory;
  lanes->place = (int64_t *)(lanes->sums + lanes->images * lanes->places * lanes->vectors * VL);
  lanes->slot = lanes->place + lanes->images * lanes->places;
  lanes->lines = lanes->slot + lanes->images * lanes->places;
}

int64_t NAME(conv_broadcast_panel)(int64_t outputs, int64_t vectors, int64_t terms) {
  return conv_round(outputs, vectors * VL) * terms;
}

void NAME(conv_pack_broadcast)(real *panel, const real *w, int64_t outputs, int64_t vectors, int64_t channels,
                               int64_t taps, int64_t k_stride, int64_t c_stride, const int64_t *place) {
  int64_t lanes = vectors * VL, run = 1, step = taps > 1 ? place[1] - place[0] : 1;
  while (run < taps && place[run] == place[0] + run * step) run++;
  int in_order = run == taps && (step == 1 || step == -1);
  if (in_order && step == 1 && c_stride == taps) taps *= channels, channels = 1; /* one long row */
  for (int64_t k = 0; k < outputs; k += lanes)
    for (int64_t c = 0; c < channels; c++, panel += taps * lanes)
      for (int64_t lane = 0; lane < lanes; lane += VL) {
        int64_t rows = conv_min(VL, outputs - k - lane);
        const real *from = w + (k + lane) * k_stride + c * c_stride;
        if (!in_order) {
          for (int64_t t = 0; t < taps; t++)
            for (int64_t i = 0; i < VL; i++)
              panel[t * lanes + lane + i] = i < rows ? from[i * k_stride + place[t]] : 0;
          continue;
        }
        for (int64_t t = 0; t < taps; t += VL) {
          int64_t count = conv_min(VL, taps - t);
          if (step == 1)
            transpose_tile(panel + t * lanes + lane, lanes, from + place[0] + t, k_stride, rows, count);
          else /* the taps backwards */
            transpose_tile(panel + (t + count - 1) * lanes + lane, -lanes, from + place[0] - t - count + 1,
                           k_stride, rows, count);
        }
      }
}

/* The length of the runs of neighbouring inputs that the taps are made of. */
static int64_t run_of(const int64_t *offset, int64_t taps) {
  int64_t run = 1;
  while (run < taps && offset[run] == offset[run - 1] + 1) run++;
  if (taps % run) return 1;
  for (int64_t t = 0; t < taps; t++)
    if (t % run && offset[t] != offset[t - 1] + 1) return 1;
  return run;
}

/* Add one part to the sums of the outputs [k, k + lanes). */
static void add(const conv_product *d, const conv_lanes *b, const conv_part *part, int64_t k) {
  int64_t lanes = b->vectors * VL, run = run_of(part->offset, part->taps);
  int64_t chunk = chunk_of(b->vectors, part->taps), lines = part->taps / conv_max(1, run);
  int64_t *x_line = b->lines, *y_line = b->lines + most_lines(b->vectors, b->taps);
  for (int64_t l = 0; l < conv_min(chunk, d->channels) * lines; l++) {
    x_line[l] = l / lines * d->channel_size + part->offset[l % lines * run];
    y_line[l] = l * run * lanes;
  }
  conv_sum sum = {.offset = part->place,
                  .slot = part->slot,
                  .terms = b->images * part->places,
                  .x_line = x_line,
                  .y_line = y_line,
                  .columns = run,
                  .step = 1,
                  .vectors = b->vectors,
                  .sums = b->sums};
  for (int64_t c = 0; c < d->channels; c += chunk) {
    sum.planes = d->planes + c * d->channel_size;
    sum.y = part->panel + (k * d->channels + c * lanes) * part->taps;
    sum.lines = conv_min(chunk, d->channels - c) * lines;
    NAME(conv_outer)(&sum);
  }
}

/* The sums of an image of the outputs [k, k + VL) into their y. */
static void write(const conv_product *d, const conv_lanes *b, const real *sums, real *y, int64_t outputs) {
  for (int64_t f = 0; f < b->places; f += VL) {
    real tile[VL * VL], *to = y + f;
    int64_t count = conv_min(VL, b->places - f);
    transpose_tile(tile, VL, sums + f * b->vectors * VL, b->vectors * VL, count, VL);
    for (int64_t i = 0; i < outputs; i++, to += d->y_size)
      if (count == VL) store(to, load(tile + i * VL));
      else store_n(to, load(tile + i * VL), count);
  }
}

void NAME(conv_broadcast)(const conv_product *d, const conv_lanes *b, const conv_part *part, int64_t parts) {
  int64_t lanes = b->vectors * VL;
  for (int64_t k = 0; k < d->outputs; k += lanes) {
    for (int64_t lane = 0; lane < lanes; lane++)
      b->sums[lane] = d->bias && k + lane < d->outputs ? d->bias[k + lane] : 0;
    for (int64_t i = 1; i < b->images * b->places; i++)
      memcpy(b->sums + i * lanes, b->sums, (size_t)lanes * sizeof(real));
    for (int64_t i = 0; i < parts; i++) add(d, b, part + i, k);
    for (int64_t image = 0; image < b->images; image++)
      for (int64_t lane = 0; lane < conv_min(lanes, d->outputs - k); lane += VL)
        write(d, b, b->sums + image * b->places * lanes + lane,
              d->y + image * b->y_image + (k + lane) * d->y_size, conv_min(VL, d->outputs - k - lane));
  }
}
