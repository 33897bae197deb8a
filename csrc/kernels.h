/* The whole interface of the C library: one instruction struct, one way to run it.
 *
 * setup.py reads this file as the CFFI declaration (it drops the lines that begin with '#' and the
 * comments), autograd/kernels.py fills the struct, and every kernel has the one signature kg_kernel.
 *
 * An instruction names a kernel, a real type, its arrays, its sizes and its numbers; what each slot
 * means is written beside the enum. Sizes and strides count elements, never bytes. A NULL array means
 * "not given". Kernels never allocate: scratch memory comes in `workspace`, as many bytes as
 * kg_workspace() asks for. */
#ifndef KERNELS_H
#define KERNELS_H
#include <stdint.h>

enum { KG_ARGS = 16, KG_SIZES = 64, KG_VALUES = 16 };

typedef struct {
  int32_t kernel;    /* one of KG_GEMM ... */
  int32_t dtype;     /* KG_FLOAT32 or KG_FLOAT64 */
  void *args[16];    /* arrays */
  int64_t sizes[64]; /* lengths, strides, flags */
  double values[16]; /* real parameters */
  void *workspace;   /* scratch, 64-byte aligned */
} kg_instruction;

enum { KG_FLOAT32, KG_FLOAT64 };

/* What a kernel returns. */
enum { KG_OK, KG_BAD_INDEX, KG_BAD_ARGUMENT, KG_NO_MEMORY, KG_NO_ARRAY, KG_NOT_FINITE };

enum {
  /* c = act(a @ b + bias), batched.  args: a b c bias
   * sizes: batch m n k | a: batch row col strides | b: batch row col | c: batch row (columns are
   * contiguous) | bias kind (0 none, 1 one per column, 2 one per row) | accumulate (1: c += ...) |
   * activation (0 none, 1 relu, 2 tanh, 3 sigmoid, 4 gelu, 5 silu) */
  KG_GEMM,
  /* y = conv(x, w) + bias.  args: x w y bias.  x (N,C,H,W), w (K,C/groups,R,S), y (N,K,P,Q), contiguous
   * sizes: N C H W K R S P Q stride_h stride_w pad_h pad_w dilation_h dilation_w groups | algorithm (its
   * number in kg_conv_algorithms(), from 1; 0: the one that is estimated to be fastest; an error where it
   * doesn't suit) | activation (of KG_CONV2D: y = act(...), as of KG_GEMM) */
  KG_CONV2D,
  KG_CONV2D_INPUT,  /* args: x(out) w y(in);   the gradient in x, same sizes */
  KG_CONV2D_WEIGHT, /* args: x w(out) y(in);   the gradient in w, same sizes */
  /* A register program over a broadcast iteration space.  args: plan, inputs, outputs (at most 15)
   * plan is an int64 array: steps, inputs, outputs, values, registers, ndim (1 to 6), shape (6 slots),
   * then for each operand (inputs, outputs) its kind (0 real, 1 bool) and 6 strides (slots past ndim
   * unused; 0 broadcasts), then for each step: opcode (its place in kg_ops), the slot written, the four
   * slots read. Slots: 0.. registers, 16.. operands, 32.. values. values: the program's scalars.
   * sizes: n, the length of a plan of one dimension that leaves it open (0: the plan's shape stands)
   * A program writes each output once. An output may be the very array of an input when it is written
   * by the last step; otherwise they must not overlap. */
  KG_ELEMENTWISE,
  /* args: x y centre (squares only; NULL: 0).  y and centre are contiguous, one per kept index
   * sizes: op (0 sum, 1 max, 2 min, 3 product, 4 squares: of the deviations from centre), the 2 kept
   * lengths, their 2 strides, the 2 reduced lengths, their 2 strides (in x; outer before inner)
   * values: scale, by which the result is multiplied.   Nothing may be empty. */
  KG_REDUCE,
  /* args: x z g dx(out).  x, dx (outer, kept, inner, columns), reduced over outer and inner to z and g
   * sizes: outer kept inner columns */
  KG_EXTREME_BACKWARD,
  KG_SOFTMAX,          /* args: x y   sizes: rows columns log(0 or 1) x_row_stride inner */
  KG_SOFTMAX_BACKWARD, /* args: y g dx   sizes: rows columns log y_row_stride g_row_stride inner */
  /* args: x targets(int64) weight(or NULL) losses saved result(2; NULL for reduction 0)
   * sizes: rows columns inner x_row_stride ignore_index reduction (0 none, 1 sum, 2 mean)
   * values: label_smoothing.   With inner > 1 x is (rows, columns, inner), contiguous */
  KG_CROSS_ENTROPY,
  /* args: x targets weight saved result g dx   sizes: those but the last: g_stride
   * values: label_smoothing.   g: the gradient of every loss, or (stride 0) of their result */
  KG_CROSS_ENTROPY_BACKWARD,
  /* args: x y index (int64, positions in the plane, or NULL).  x (planes,H,W), y and index (planes,P,Q),
   * contiguous
   * sizes: planes H W P Q R S stride_h stride_w pad_h pad_w dilation_h dilation_w */
  KG_MAX_POOL,
  KG_MAX_POOL_BACKWARD, /* x = 0, then x[index] += y.  sizes: planes H*W P*Q */
  /* args: x y, as above.  sizes: planes H W P Q R S stride_h stride_w pad_h pad_w 1 1 include_pad */
  KG_AVG_POOL,
  KG_AVG_POOL_BACKWARD, /* x (out) from y */
  /* y = x at index, along an axis.  args: x index(int64) y
   * sizes: outer size inner n | single (0: index is (n,), names rows; 1: (outer, n, inner), elements) */
  KG_GATHER,
  KG_SCATTER_ADD, /* x = 0, x += y at index.  args: x(out) index y(in);  sizes: those, accumulate (1: x is not 0 before) */
  /* `count` elements of the Philox stream, from block (low, high) on.  args: out (float32/float64; words:
   * uint32/uint64; integers: int64, with dtype float64)
   * sizes: kind (0 words, 1 uniform, 2 normal, 3 mask, 4 integers) count key low high | integers: lowest
   * range (as unsigned)       values: normal: mean std | mask: keep scale */
  KG_RANDOM,
  /* y = act((x - mean) rstd weight + bias) for units of x (see norm.h), contiguous.
   * args: x weight bias y mean(out) rstd(out) running_mean running_var    (weight, bias, running_*: or NULL)
   * sizes: units segments length span period given (1: mean and variance are the running ones) | activation
   * (0 none, 1 relu, 5 silu: as of KG_GEMM; 6 leaky_relu)   values: eps momentum | negative slope */
  KG_STANDARDIZE,
  /* args: x g weight mean rstd dx(out) dw(out) db(out) bias   (weight, dx; dw and db together; bias, which only
   * an activation asks for: or NULL)   sizes, values: those */
  KG_STANDARDIZE_BACKWARD,
  /* The update of parameters, in place, a row each.  args: counts param grad first second third steps
   * counts (elements of each row) and steps (how often it was updated, from 1; or NULL) are int64 arrays, the
   * others arrays of addresses (second, third, those of SGD's first: or NULL) of contiguous arrays.
   * first: momentum_buffer (of rows at step 1 it holds nothing yet)
   * sizes: rows maximize nesterov   values: lr momentum dampening weight_decay */
  KG_SGD,
  /* first, second, third: exp_avg exp_avg_sq max_exp_avg_sq (NULL: no amsgrad)
   * sizes: rows maximize decoupled (1: AdamW)   values: lr beta1 beta2 eps weight_decay */
  KG_ADAM,
  /* first, second, third: square_avg grad_avg (NULL: not centered) momentum_buffer (NULL: no momentum)
   * sizes: rows maximize   values: lr alpha eps weight_decay momentum */
  KG_RMSPROP,
  /* The norm of all gradients; they are scaled in place by max_norm / (norm + 1e-6) where that is below 1, or
   * NaN.  args: counts grad norm(out, 1 double)   counts and grad: as above
   * sizes: rows keep (1: where the norm is not finite nothing is scaled)   values: max_norm */
  KG_CLIP_NORM,
  /* What the machine can do at most.  args: a b y
   * sizes: kind (0 fma, 1 triad y = a + 3 b, 2 read, 3 copy y = a) n (multiply-adds a thread, or elements) */
  KG_LIMIT,
  /* y = x + delta, of int64 (with dtype float64).  args: x y   sizes: n delta */
  KG_COUNT,
  KG_ENLARGE,    /* args: x y(out)   sizes: lines width rows columns   (csrc/enlarge.c) */
  KG_BLOCK_SUMS, /* args: x(out) y   sizes: those */
  /* args: x y g dx(out).  sizes: those of KG_MAX_POOL, of windows that lie apart (csrc/pool_spread.c) */
  KG_MAX_POOL_SPREAD,
  KG_FINITE, /* args: x   sizes: n   KG_NOT_FINITE if a number of x is NaN or infinite */
  /* A register machine over doubles.  args: runs registers (float64)
   * runs is an int32 array, for each run: op (its place in kg_scalar_ops), how many numbers it computes, the
   * register of the first, and for each of the three operands (unused ones: 0 0) the register of the first and
   * the distance to the next.  A run reads none of the registers it writes.     sizes: runs */
  KG_SCALARS,
  /* A recurrent layer over a whole sequence (see recurrent.h).  args: a weight bias h c y(out) last(out)
   * last_c(out) gates(out) cells(out) starts (int64, steps + 1)    (bias, h, c; last_c of lstm only; gates, cells,
   * which only the gradient asks for; starts of packed sequences only: or NULL)
   * sizes: kind steps batch hidden reverse rows (of packed sequences; else 0) */
  KG_RECURRENT,
  /* args: weight h c y gates cells gy glast glast_c da(out) dweight(out) dbias(out) dh(out) dc(out) starts
   * (but for weight, y, da: or NULL)   sizes: those */
  KG_RECURRENT_BACKWARD,
  /* y = softmax(scale q k^T + mask) v.  args: q k v mask y(out) kept(out)
   * q (outer, heads, L, E), k (.., S, E), v (.., S, V), y (.., L, V) with dense last dimensions; mask (outer, heads,
   * L, S), bool or real, or NULL; kept (2, outer, heads, L): each row's maximum and 1 / sum (csrc/attention.c)
   * sizes: outer heads L S E V causal mask_kind (1 bool, 2 real) | the strides of q, of k, of v, of y in all
   * dimensions but the last, of the mask in all (0 broadcasts)       values: scale */
  KG_ATTENTION,
  /* args: q k v mask y kept g dq(out) dk(out) dv(out) (these three: or NULL)
   * sizes: those | the strides of g, dq, dk and dv, dense in their last dimension.     values: scale */
  KG_ATTENTION_BACKWARD,
  /* One pass over a chunk of text: word vectors by CBOW or skip-gram, in place, lock-free (csrc/words.h).
   * args: tokens(int32) ends(int64: behind each sentence) inputs outputs nodes keep(uint32) noise(uint32, 2 a word)
   * bags(int64) subwords(int32) paths(int64) points(int32) codes(uint8) result(out, 3 doubles: loss, pairs, kept
   * tokens)      (outputs; nodes, paths, points and codes together; keep; noise; bags and subwords together: or NULL)
   * sizes: skipgram window negative shared dim shrink mean divide words inputs_row outputs_row nodes_row sentences
   * longest_sentence longest_bag longest_path seed first_sentence tokens_before tokens_in_all
   * values: alpha min_alpha */
  KG_WORDS,
  /* AdaGrad on cells of a co-occurrence matrix: GloVe, in place, lock-free (csrc/glove.c).
   * args: words contexts word_squares context_squares rows(int32) columns(int32) counts loss(out, 1 double)
   * sizes: cells width words contexts | the distances of rows of the four tables     values: alpha x_max power */
  KG_GLOVE,
  /* One pass over a chunk of labelled texts: a softmax over the mean of their rows, in place, lock-free (csrc/labels.c).
   * args: tokens(int32) ends(int64: behind each line) starts(int64, words + 1) rows(int32) hashes(int32, words; NULL:
   * no n-grams of words) inputs outputs result(out, 2 doubles: loss, lines learned)
   * sizes: lines words labels dim rows_of_inputs inputs_row outputs_row ngrams bucket first end most_words most_rows
   * turn tokens_before tokens_in_all     values: alpha */
  KG_LABELS,
  KG_CAST,   /* y = x, int64 to reals.  args: x y(out)   sizes: n */
  KG_KERNELS /* how many there are */
};

/* Run `count` instructions in order; stops at the first that fails and returns its error. */
int kg_run(const kg_instruction *program, int64_t count);

/* One eager call: builds the instruction on the C stack and lends it this thread's scratch memory. */
int kg_call(int kernel, int dtype, void **args, int nargs, const int64_t *sizes, int nsizes,
            const double *values, int nvalues);

/* Below, a NumPy array is told by the address of its object, which id() gives in CPython in 0.02 us; making a
 * CFFI buffer takes 0.09 us, as long as many a kernel runs on 10^3 elements. The object tells memory right
 * behind its header (PyArrayObject_fields in numpy/ndarraytypes.h, a part of NumPy's ABI, tried on loading).
 * Only objects whose type is exactly np.ndarray are read (else KG_NO_ARRAY); the caller holds them during the
 * call. 0 and None are "not given". kg_set_objects says a header's bytes (0: arrays are told by the address
 * of their memory, where objects are laid out in another way), the address of np.ndarray and that of None,
 * before all calls. kg_data finds the memory of one array (NULL: no array), for checks. */
void kg_set_objects(uintptr_t header, uintptr_t type, uintptr_t none);
void *kg_data(uintptr_t array);

/* kg_call for an instruction prepared once: it is copied and gets these arrays (behind its first, if it has
 * one), so threads may share it. */
int kg_apply(const kg_instruction *prepared, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d);
int kg_apply_8(const kg_instruction *prepared, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d,
               uintptr_t e, uintptr_t f, uintptr_t g, uintptr_t h);

/* One eager call of KG_ELEMENTWISE on at most 5 arrays, inputs and then outputs (0 past the last), of n
 * elements each (0: as the plan says). */
int kg_map(const int64_t *plan, int dtype, int64_t n, const double *values, int nvalues, uintptr_t a,
           uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e);

/* A program: instructions with all set but the memory that is given at each run.
 * link: *at (an instruction's args[i]) is the memory of the array number `given`, `offset` bytes on
 * counter: *at (one of an instruction's sizes or args) grows by `by` after each round */
typedef struct {
  void **at;
  int64_t given, offset;
} kg_link;
typedef struct {
  int64_t *at, by;
} kg_counter;
typedef struct {
  kg_instruction *code;
  kg_link *links;
  kg_counter *counters;
  int64_t link_count, counter_count;
  int64_t failed; /* the place of the instruction that returned an error; else -1 */
} kg_program;

/* Run the instructions [start, end) of a program `rounds` times, on arrays told as above; stops at the first
 * error and returns it. The program must not run twice at a time. */
int kg_replay(kg_program *program, const uintptr_t *given, int64_t start, int64_t end, int64_t rounds);

/* Bytes of workspace that an instruction needs with the present ISA and thread count; it must not be run
 * with others. */
int64_t kg_workspace(const kg_instruction *instruction);

void kg_set_threads(int threads); /* clamps to [1, KG_MAX_THREADS] */
int kg_get_threads(void);
const char *kg_isa(void);         /* the ISA in use */
const char *kg_isas(void);        /* those built in and supported here, best first, space-separated */
int kg_set_isa(const char *name); /* 0, or KG_BAD_ARGUMENT when it is not one of kg_isas() */
const char *kg_ops(void);         /* the elementwise ops (ops.def) in opcode order, space-separated */
const char *kg_scalar_ops(void);  /* and those of KG_SCALARS (scalar_ops.def) */
/* "kernel_algorithm" of each row of conv.def, in order, space-separated. */
const char *kg_conv_algorithms(void);

void kg_trim(void);         /* gives freed memory back to the system, where the C library knows how */
const char *kg_build(void); /* "compiler version | hash of the sources" */

#endif
