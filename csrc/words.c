/* KG_WORDS: one pass over a chunk of text (words.h).
 *
 * Threads take parts of the chunk, cut at sentences, and write the same tables without locks (Niu et al., "Hogwild!",
 * 2011): most rows are rare, and an update lost now and then costs nothing. C calls this undefined; what is relied
 * upon is that a number of 4 or 8 aligned bytes is read and written as one, so that a race yields some thread's
 * number, and that numbers of the tables are only computed with: no index or branch hangs on them. All else that
 * threads share is read only. One thread is exact: the tables become the same bits however the text is cut into
 * chunks. */
#include "words.h"

enum { GRAIN = 2000 /* tokens */, RESULTS = 3 };

typedef struct {
  words_job j;
  char *workspace;
  int64_t bytes; /* of a thread's workspace */
  double (*results)[RESULTS];
} words_work;

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }

static words_job job_of(const kg_instruction *in) {
  const int64_t *n = in->sizes;
  words_job j = {.skipgram = n[0] != 0,
                 .window = n[1],
                 .negative = n[2],
                 .shared = n[3],
                 .dim = n[4],
                 .shrink = n[5] != 0,
                 .mean = n[6] != 0,
                 .divide = n[7] != 0,
                 .words = n[8],
                 .input_row = n[9],
                 .output_row = n[10],
                 .node_row = n[11],
                 .sentences = n[12],
                 .longest = n[13],
                 .seed = (uint64_t)n[16],
                 .sentence = n[17],
                 .before = n[18],
                 .total = n[19],
                 .alpha = in->values[0],
                 .min_alpha = in->values[1],
                 .tokens = in->args[0],
                 .ends = in->args[1],
                 .inputs = in->args[2],
                 .outputs = in->args[3],
                 .nodes = in->args[4],
                 .keep = in->args[5],
                 .noise = in->args[6],
                 .bags = in->args[7],
                 .subwords = in->args[8],
                 .paths = in->args[9],
                 .points = in->args[10],
                 .codes = in->args[11]};
  const int64_t longest_bag = n[14], longest_path = n[15];
  j.together = !j.skipgram || j.bags;
  j.most_around = 2 * lesser(j.window, greater(j.longest, 1));
  const int64_t shared = greater(j.shared ? lesser(j.shared, j.most_around) : j.most_around, 1);
  const int64_t targets = j.skipgram && j.together ? j.most_around : 1;
  const int64_t groups = (targets + shared - 1) / shared;
  j.most_rows = !j.together ? shared : (j.skipgram ? 1 : j.most_around) * (j.bags ? longest_bag : 1);
  j.most_columns = targets * (1 + longest_path) + groups * j.negative;
  return j;
}

/* The next bytes of some memory, of which `used` were taken; without memory they are only counted. */
static void *take(char *memory, int64_t *used, int64_t bytes) {
  void *p = memory ? memory + *used : 0;
  *used += (bytes + 63) & ~(int64_t)63;
  return p;
}

/* Gives a thread its scratch memory; how much that is. */
static int64_t lay_out(const words_job *j, char *memory, words_stream *stream, words_task *tasks,
                       words_scratch *s) {
  int64_t used = 0;
  const int64_t size = sizeof(real), columns = j->most_columns + VL, width = whole_vectors(j->dim);
  const int64_t pairs = (j->together ? 1 : j->most_rows) * j->most_columns + VL;
  stream->kept =
      take(memory, &used, (j->longest + 1) * (int64_t)sizeof(int32_t)); /* one is written behind the last */
  stream->reach = take(memory, &used, (j->longest + 1) * (int64_t)sizeof(int32_t));
  stream->around = take(memory, &used, j->most_around * (int64_t)sizeof(int32_t));
  for (int i = 0; i < WORDS_TASKS; i++) {
    tasks[i].row = take(memory, &used, j->most_rows * (int64_t)sizeof(real *));
    tasks[i].column = take(memory, &used, j->most_columns * (int64_t)sizeof(real *));
    tasks[i].times = take(memory, &used, j->most_rows * size);
    tasks[i].yes = take(memory, &used, columns * size);
    tasks[i].all = take(memory, &used, columns * size);
  }
  s->z = take(memory, &used, pairs * size);
  s->yes = take(memory, &used, pairs * size);
  s->all = take(memory, &used, pairs * size);
  s->hidden = take(memory, &used, width * size);
  s->error = take(memory, &used, (j->together ? 0 : j->most_rows) * width * size);
  return used;
}

/* Sentences [first, last): tasks are made WORDS_AHEAD of their computation. */
static void train(const words_job *j, int64_t first, int64_t last, char *workspace, double *result) {
  words_stream stream = {.job = j, .sentence = first, .end = last};
  words_task tasks[WORDS_TASKS];
  words_scratch scratch = {.loss = 0};
  lay_out(j, workspace, &stream, tasks, &scratch);
  int64_t made = 0, done = 0, pairs = 0;
  for (int more = 1; more || done < made;) {
    if (more && (more = NAME(words_next)(&stream, &tasks[made % WORDS_TASKS]))) made++;
    if (made - done > (more ? WORDS_AHEAD : 0)) {
      const words_task *t = &tasks[done++ % WORDS_TASKS];
      pairs += t->pairs;
      NAME(words_step)(j, t, &scratch);
    }
  }
  result[0] = scratch.loss, result[1] = (double)pairs, result[2] = (double)stream.trained;
}

/* The first sentence that begins at this token or behind it. */
static int64_t sentence_at(const words_job *j, int64_t token) {
  int64_t low = 0, high = j->sentences;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if ((middle ? j->ends[middle - 1] : 0) < token) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void work(void *context, int64_t begin, int64_t end, int worker) {
  words_work *w = context;
  const int64_t n = w->j.ends[w->j.sentences - 1];
  const int64_t first = begin ? sentence_at(&w->j, begin) : 0,
                last = end < n ? sentence_at(&w->j, end) : w->j.sentences;
  train(&w->j, first, last, w->workspace + worker * w->bytes, w->results[worker]);
}

static int64_t thread_bytes(const words_job *j) {
  words_stream stream;
  words_task tasks[WORDS_TASKS];
  words_scratch scratch;
  return lay_out(j, 0, &stream, tasks, &scratch);
}

int64_t NAME(words_workspace)(const kg_instruction *in) {
  const words_job j = job_of(in);
  return kg_get_threads() * thread_bytes(&j);
}

static int refuse(const words_job *j) {
  if (j->window < 1 || j->window > INT32_MAX || j->negative < 0 || j->shared < 0 || j->dim < 1 ||
      j->words < 1 || j->total < 1 || (j->negative && !j->outputs))
    return KG_BAD_ARGUMENT;
  for (int64_t s = 0, from = 0; s < j->sentences; from = j->ends[s++])
    if (j->ends[s] < from || j->ends[s] - from > j->longest) return KG_BAD_ARGUMENT;
  int64_t worst = 0;
  const int64_t n = j->sentences ? j->ends[j->sentences - 1] : 0;
  for (int64_t i = 0; i < n; i++) worst |= (uint32_t)j->tokens[i] >= (uint64_t)j->words;
  return worst ? KG_BAD_INDEX : KG_OK;
}

int NAME(words)(const kg_instruction *in) {
  words_work w = {.j = job_of(in), .workspace = in->workspace};
  double results[KG_MAX_THREADS][RESULTS] = {{0}}, *out = in->args[12];
  const int error = refuse(&w.j);
  if (error) return error;
  w.bytes = thread_bytes(&w.j), w.results = results;
  if (w.j.sentences) kg_parallel(work, &w, w.j.ends[w.j.sentences - 1], GRAIN);
  for (int i = 0; i < RESULTS; i++) {
    out[i] = 0;
    for (int k = 0; k < KG_MAX_THREADS; k++) out[i] += results[k][i];
  }
  return KG_OK;
}
