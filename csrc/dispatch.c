/* Picks the ISA once, at load, and runs instructions through its table. */
#ifdef __linux__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>
#include "kernels.h"
#include "parallel.h"
#include "table.h"

#ifndef KG_SOURCES_HASH
#define KG_SOURCES_HASH "unknown"
#endif

#define DECLARE(isa) extern const kg_entry kg_table_##isa##_f32[KG_KERNELS], kg_table_##isa##_f64[KG_KERNELS]
#define ROW(isa, supported) {#isa, kg_table_##isa##_f32, kg_table_##isa##_f64, supported},

#if defined(__x86_64__)
DECLARE(avx512);
DECLARE(avx2);
#elif defined(__aarch64__)
DECLARE(neon);
#endif
DECLARE(generic);

static int always(void) { return 1; }
#if defined(__x86_64__)
static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

typedef struct {
  const char *name;
  const kg_entry *float32, *float64;
  int (*supported)(void);
} isa_row;

/* clang-format off */
static const isa_row isas[] = { /* best first */
#if defined(__x86_64__)
    ROW(avx512, has_avx512) ROW(avx2, has_avx2)
#elif defined(__aarch64__)
    ROW(neon, always)
#endif
    ROW(generic, always)};
/* clang-format on */
enum { ISAS = sizeof isas / sizeof isas[0] };

static const isa_row *chosen = &isas[ISAS - 1];

__attribute__((constructor)) static void choose_best(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  for (int i = ISAS - 1; i >= 0; i--)
    if (isas[i].supported()) chosen = &isas[i];
}

const char *kg_isa(void) { return chosen->name; }

const char *kg_isas(void) {
  static char names[64];
  names[0] = 0;
  for (int i = 0; i < ISAS; i++)
    if (isas[i].supported()) {
      if (names[0]) strcat(names, " ");
      strcat(names, isas[i].name);
    }
  return names;
}

int kg_set_isa(const char *name) {
  for (int i = 0; i < ISAS; i++)
    if (!strcmp(name, isas[i].name) && isas[i].supported()) {
      chosen = &isas[i];
      return KG_OK;
    }
  return KG_BAD_ARGUMENT;
}

#ifdef __clang__ /* its version says so itself */
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif
const char *kg_build(void) { return COMPILER " | " KG_SOURCES_HASH; }

void kg_trim(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

const char *kg_ops(void) {
#define OP(name, arguments, cycles, expression) #name " "
  return
#include "ops.def"
      ;
#undef OP
}

const char *kg_scalar_ops(void) {
#define OP(name, expression) #name " "
  return
#include "scalar_ops.def"
      ;
#undef OP
}

const char *kg_conv_algorithms(void) {
#define ALGORITHM(kernel, name) #name " "
  return
#include "conv.def"
      ;
#undef ALGORITHM
}

static const kg_entry *entry(const kg_instruction *in) {
  return &(in->dtype == KG_FLOAT64 ? chosen->float64 : chosen->float32)[in->kernel];
}

int64_t kg_workspace(const kg_instruction *in) {
  const kg_entry *e = entry(in);
  return e->workspace ? e->workspace(in) : 0;
}

int kg_run(const kg_instruction *program, int64_t count) {
  const int held = kg_hold_threads();
  int error = KG_OK;
  for (int64_t i = 0; i < count && !error; i++) error = entry(&program[i])->run(&program[i]);
  kg_release_threads(held);
  return error;
}

/* The layout of array objects; of 0 bytes where arrays are told by their memory. */
static uintptr_t header_bytes, array_type, nothing;

void kg_set_objects(uintptr_t header, uintptr_t type, uintptr_t none) {
  header_bytes = header, array_type = type, nothing = none;
}

/* Where the memory of n arrays begins. The last word of a header is the object's type. */
static int find(const uintptr_t *told, int n, void **memory) {
  for (int i = 0; i < n; i++)
    if (!told[i] || told[i] == nothing) memory[i] = 0;
    else if (!header_bytes) memory[i] = (void *)told[i];
    else if (((const uintptr_t *)(told[i] + header_bytes))[-1] == array_type)
      memory[i] = *(void **)(told[i] + header_bytes);
    else return KG_NO_ARRAY;
  return KG_OK;
}

int kg_replay(kg_program *p, const uintptr_t *given, int64_t start, int64_t end, int64_t rounds) {
  for (int64_t i = 0; i < p->link_count; i++) {
    void *memory;
    const int error = find(&given[p->links[i].given], 1, &memory);
    if (error) return error;
    *p->links[i].at = (char *)memory + p->links[i].offset;
  }
  const int held = kg_hold_threads();
  int error = KG_OK;
  p->failed = -1;
  for (int64_t round = 0; round < rounds && !error; round++) {
    for (int64_t i = start; i < end; i++) {
      error = entry(&p->code[i])->run(&p->code[i]);
      if (error) {
        p->failed = i;
        break;
      }
    }
    for (int64_t i = 0; i < p->counter_count; i++) *p->counters[i].at += p->counters[i].by;
  }
  kg_release_threads(held);
  return error;
}

/* This thread's scratch memory, kept and grown: fresh pages would cost more than most kernels. */
static _Thread_local void *scratch;
static _Thread_local int64_t scratch_bytes;

static void *scratch_of(int64_t bytes) {
  if (bytes > scratch_bytes) {
    free(scratch);
    scratch_bytes = (bytes + 4095) & ~(int64_t)4095;
    scratch = aligned_alloc(64, (size_t)scratch_bytes);
    if (!scratch) scratch_bytes = 0;
  }
  return scratch;
}

static int run_with_scratch(kg_instruction *in) {
  const kg_entry *e = entry(in); /* asked once, as are the threads: another thread may set both */
  const int held = kg_hold_threads();
  const int64_t bytes = e->workspace ? e->workspace(in) : 0;
  const int error = bytes && !(in->workspace = scratch_of(bytes)) ? KG_NO_MEMORY : e->run(in);
  kg_release_threads(held);
  return error;
}

int kg_call(int kernel, int dtype, void **args, int nargs, const int64_t *sizes, int nsizes,
            const double *values, int nvalues) {
  if (kernel < 0 || kernel >= KG_KERNELS || nargs > KG_ARGS || nsizes > KG_SIZES || nvalues > KG_VALUES)
    return KG_BAD_ARGUMENT;
  kg_instruction in;
  memset(&in, 0, sizeof in);
  in.kernel = kernel;
  in.dtype = dtype;
  memcpy(in.args, args, (size_t)nargs * sizeof *args);
  memcpy(in.sizes, sizes, (size_t)nsizes * sizeof *sizes);
  if (nvalues) memcpy(in.values, values, (size_t)nvalues * sizeof *values);
  return run_with_scratch(&in);
}

void *kg_data(uintptr_t array) {
  void *memory;
  return find(&array, 1, &memory) ? 0 : memory;
}

int kg_apply(const kg_instruction *prepared, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d) {
  kg_instruction in = *prepared;
  const int error = find((const uintptr_t[]){a, b, c, d}, 4, in.args + (in.args[0] != 0));
  return error ? error : run_with_scratch(&in);
}

int kg_apply_8(const kg_instruction *prepared, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d,
               uintptr_t e, uintptr_t f, uintptr_t g, uintptr_t h) {
  kg_instruction in = *prepared;
  const int error = find((const uintptr_t[]){a, b, c, d, e, f, g, h}, 8, in.args);
  return error ? error : run_with_scratch(&in);
}

int kg_map(const int64_t *plan, int dtype, int64_t n, const double *values, int nvalues, uintptr_t a,
           uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e) {
  if (nvalues > KG_VALUES) return KG_BAD_ARGUMENT;
  kg_instruction in;
  in.kernel = KG_ELEMENTWISE;
  in.dtype = dtype;
  in.sizes[0] = n;
  in.args[0] = (void *)plan;
  const int error = find((const uintptr_t[]){a, b, c, d, e}, 5, in.args + 1);
  if (error) return error;
  memcpy(in.values, values, (size_t)nvalues * sizeof *values);
  return run_with_scratch(&in);
}
