/* Runs kernels on another processor: reads instructions with their memory from stdin, runs them, and
 * writes the memory back to stdout. tests/neon/machine.py is the other end.
 *
 * Every region of memory is laid out as it was there: at the same distance from a 64-byte line, with
 * all that separates the arrays in it, and between guards that no kernel may touch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernels.h"

enum { SET_ISA, SET_THREADS, GET_THREADS, ISAS, OPS, CONV_ALGORITHMS, CALL };
enum { GUARD = 64, GUARD_BYTE = 0xA5, TOUCHED_GUARD = 100, REGIONS = 512 };

typedef struct {
  int64_t bytes, phase; /* phase: the address modulo 64 */
  unsigned char *block, *data;
} region;

static void get(void *to, size_t bytes) {
  if (bytes && fread(to, 1, bytes, stdin) != bytes) exit(feof(stdin) ? 0 : 2);
}
static void put(const void *from, size_t bytes) {
  if (bytes && fwrite(from, 1, bytes, stdout) != bytes) exit(2);
}
static int32_t get_int(void) {
  int32_t value;
  get(&value, sizeof value);
  return value;
}
static void put_int(int32_t value) { put(&value, sizeof value); }
static void put_text(const char *text) {
  put_int((int32_t)strlen(text));
  put(text, strlen(text));
}

static void open_region(region *r) {
  get(&r->bytes, sizeof r->bytes);
  get(&r->phase, sizeof r->phase);
  size_t size = (size_t)((GUARD + r->phase + r->bytes + GUARD + 63) / 64 * 64);
  r->block = aligned_alloc(64, size);
  if (!r->block) exit(3);
  memset(r->block, GUARD_BYTE, size);
  r->data = r->block + GUARD + r->phase;
  get(r->data, (size_t)r->bytes);
}

static int guards_touched(const region *r) {
  for (int i = 1; i <= GUARD; i++)
    if (r->data[-i] != GUARD_BYTE || r->data[r->bytes + i - 1] != GUARD_BYTE) return 1;
  return 0;
}

static void call(void) {
  int32_t kernel = get_int(), dtype = get_int(), regions = get_int(), nargs = get_int();
  int32_t nsizes = get_int(), nvalues = get_int();
  if (regions > REGIONS || nargs > KG_ARGS || nsizes > KG_SIZES || nvalues > KG_VALUES) exit(4);
  static region memory[REGIONS];
  void *args[KG_ARGS];
  int64_t sizes[KG_SIZES];
  double values[KG_VALUES];
  for (int i = 0; i < regions; i++) open_region(&memory[i]);
  for (int i = 0; i < nargs; i++) {
    int32_t which = get_int();
    int64_t offset;
    get(&offset, sizeof offset);
    args[i] = which < 0 ? NULL : memory[which].data + offset;
  }
  for (int32_t inner = get_int(); inner > 0; inner--) { /* addresses that lie in memory themselves */
    int32_t at = get_int(), which = get_int();
    int64_t place, offset;
    get(&place, sizeof place);
    get(&offset, sizeof offset);
    void *address = memory[which].data + offset;
    memcpy(memory[at].data + place, &address, sizeof address);
  }
  get(sizes, (size_t)nsizes * sizeof *sizes);
  get(values, (size_t)nvalues * sizeof *values);
  int32_t error = kg_call(kernel, dtype, args, nargs, sizes, nsizes, values, nvalues);
  for (int i = 0; i < regions; i++)
    if (guards_touched(&memory[i])) error = TOUCHED_GUARD;
  put_int(error);
  for (int i = 0; i < regions; i++) {
    put(memory[i].data, (size_t)memory[i].bytes);
    free(memory[i].block);
  }
}

int main(void) {
  for (;;) {
    int32_t command = get_int();
    if (command == SET_ISA) {
      char name[32] = {0};
      get(name, sizeof name - 1);
      put_int(kg_set_isa(name));
    } else if (command == SET_THREADS) {
      kg_set_threads(get_int());
      put_int(kg_get_threads());
    } else if (command == GET_THREADS) {
      put_int(kg_get_threads());
    } else if (command == ISAS) {
      put_text(kg_isas());
    } else if (command == OPS) {
      put_text(kg_ops());
    } else if (command == CONV_ALGORITHMS) {
      put_text(kg_conv_algorithms());
    } else if (command == CALL) {
      call();
    } else {
      return 5;
    }
    fflush(stdout);
  }
}
