/* tensor_diff.c - tensor_diff(a, b): two models tensor by tensor, by name.
 *
 * First those of a in its order, then those that only b has. `differs` of two types has no
 * difference to show: NULL. Values are read where state or max_abs_diff is asked for.
 */
#include "engines/functions/functions_internal.h"
#include "engines/functions/row_maker.h"
#include "engines/functions/tensor_files.h"

#include <stdlib.h>
#include <string.h>

enum { NAME, STATE, MAX_ABS_DIFF, COLUMNS };
static const pyr_made_column columns_of_table[COLUMNS] = {
    {"name", PYR_TYPE_UTF8}, {"state", PYR_TYPE_UTF8}, {"max_abs_diff", PYR_TYPE_FLOAT64}};

#define BATCH_TENSORS 256
#define BATCH_BYTES ((int64_t)16 << 20)

/* Where a tensor is; NULL: in none. */
typedef struct place {
    const pyr_safetensors *file;
    const pyr_safetensors_tensor *tensor;
} place;
typedef struct pair {
    place a, b;
} pair;

typedef struct diff_source {
    pyr_segment_source source;
    pyr_tensor_files a, b;
    pyr_thread_pool *pool;
    pyr_cancel_flag *cancel; /* the statement's; NULL: none */
    pair *pairs;
    size_t pairs_count, pairs_capacity;
    size_t *starts; /* of each batch, and the end */
} diff_source;

static void destroy(pyr_segment_source *source) {
    diff_source *self = (diff_source *)source;
    pyr_schema_release(source->schema);
    pyr_tensor_files_close(&self->a);
    pyr_tensor_files_close(&self->b);
    free(self->pairs);
    free(self->starts);
    free(self);
}

static int64_t batch_rows(const pyr_segment_source *source, size_t index) {
    const diff_source *self = (const diff_source *)source;
    return (int64_t)(self->starts[index + 1] - self->starts[index]);
}

/* ---- Rows. ---- */

static void add_state(pyr_row_maker *maker, const char *state) {
    pyr_row_maker_text(maker, STATE, state);
    pyr_row_maker_null(maker, MAX_ABS_DIFF);
}

static pyr_status compare(const diff_source *self, const pair *of, pyr_row_maker *maker,
                          pyr_query_ledger *ledger, pyr_error *error) {
    const pyr_tensor_view *a = &of->a.tensor->view;
    const pyr_tensor_view *b = &of->b.tensor->view;
    pyr_tensor_difference difference;
    PYR_TRY(pyr_tensor_compare(a, b, self->pool, self->cancel, &difference, error));
    PYR_TRY(pyr_tensor_file_check(of->a.file, of->a.tensor->shard, error));
    PYR_TRY(pyr_tensor_file_check(of->b.file, of->b.tensor->shard, error));
    pyr_ledger_add_scanned(ledger, a->size_bytes + b->size_bytes);
    pyr_row_maker_text(maker, STATE, difference.equal ? "equal" : "differs");
    pyr_row_maker_double(maker, MAX_ABS_DIFF, difference.max_abs_diff);
    return PYR_OK;
}

static pyr_status add_row(const diff_source *self, const pair *of, pyr_row_maker *maker,
                          pyr_query_ledger *ledger, pyr_error *error) {
    pyr_row_maker_text(maker, NAME,
                       of->a.tensor != NULL ? of->a.tensor->view.name : of->b.tensor->view.name);
    if (!pyr_row_maker_wants(maker, STATE) && !pyr_row_maker_wants(maker, MAX_ABS_DIFF)) {
        return maker->status;
    }
    if (of->b.tensor == NULL) {
        add_state(maker, "only_a");
    } else if (of->a.tensor == NULL) {
        add_state(maker, "only_b");
    } else if (!pyr_tensor_same_shape(&of->a.tensor->view, &of->b.tensor->view)) {
        add_state(maker, "shape");
    } else if (of->a.tensor->view.type != of->b.tensor->view.type) {
        add_state(maker, "differs");
    } else {
        return compare(self, of, maker, ledger, error);
    }
    return maker->status;
}

static pyr_status batch(pyr_segment_source *source, size_t index, const int32_t *columns,
                        int32_t columns_count, pyr_query_ledger *ledger, pyr_budget *budget,
                        pyr_batch **out, pyr_error *error) {
    const diff_source *self = (const diff_source *)source;
    pyr_row_maker maker;
    pyr_row_maker_init(&maker, source->schema, columns, columns_count, budget, error);
    for (size_t i = self->starts[index]; i < self->starts[index + 1] && maker.status == PYR_OK;
         ++i) {
        maker.status = add_row(self, &self->pairs[i], &maker, ledger, error);
    }
    return pyr_row_maker_finish(&maker, batch_rows(source, index), ledger, out);
}

static const pyr_segment_source_ops ops = {destroy, batch, batch_rows, NULL};

/* ---- Pairs. ---- */

static place find(const pyr_tensor_files *files, const char *name) {
    size_t file = 0;
    const pyr_safetensors_tensor *tensor = pyr_tensor_files_find(files, name, &file);
    return (place){tensor != NULL ? files->items[file] : NULL, tensor};
}

static pyr_status add_pair(diff_source *self, pair added, pyr_error *error) {
    if (self->pairs_count == self->pairs_capacity) {
        size_t capacity = self->pairs_capacity == 0 ? 256 : 2 * self->pairs_capacity;
        pair *grown = realloc(self->pairs, capacity * sizeof(*grown));
        if (grown == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*grown));
        }
        self->pairs = grown;
        self->pairs_capacity = capacity;
    }
    self->pairs[self->pairs_count++] = added;
    return PYR_OK;
}

static pyr_status pair_up(diff_source *self, pyr_error *error) {
    for (size_t i = 0; i < self->a.count; ++i) {
        const pyr_safetensors *file = self->a.items[i];
        for (int64_t j = 0; j < pyr_safetensors_count(file); ++j) {
            const pyr_safetensors_tensor *tensor = pyr_safetensors_get(file, j);
            pair made = {{file, tensor}, find(&self->b, tensor->view.name)};
            PYR_TRY(add_pair(self, made, error));
        }
    }
    for (size_t i = 0; i < self->b.count; ++i) {
        const pyr_safetensors *file = self->b.items[i];
        for (int64_t j = 0; j < pyr_safetensors_count(file); ++j) {
            const pyr_safetensors_tensor *tensor = pyr_safetensors_get(file, j);
            if (find(&self->a, tensor->view.name).tensor == NULL) {
                PYR_TRY(add_pair(self, (pair){{NULL, NULL}, {file, tensor}}, error));
            }
        }
    }
    return PYR_OK;
}

static pyr_status cut_batches(diff_source *self, pyr_error *error) {
    self->starts = calloc(self->pairs_count + 1, sizeof(*self->starts));
    if (self->starts == NULL) {
        return pyr_error_memory(error, self->pairs_count * sizeof(*self->starts));
    }
    size_t batches = 0;
    for (size_t i = 0; i < self->pairs_count;) {
        int64_t bytes = 0;
        size_t next = i;
        while (next < self->pairs_count && next - i < BATCH_TENSORS && bytes < BATCH_BYTES) {
            const place *a = &self->pairs[next++].a;
            bytes += a->tensor != NULL ? a->tensor->view.size_bytes : 0;
        }
        self->starts[batches++] = i;
        self->starts[batches] = next;
        i = next;
    }
    self->source.batches = batches;
    return PYR_OK;
}

/* ---- Opening. ---- */

static int64_t mapped_by(const pyr_tensor_files *files, pyr_query_ledger *ledger) {
    int64_t mapped = 0;
    for (size_t i = 0; i < files->count; ++i) {
        mapped += pyr_tensor_file_mapped(files->items[i], ledger);
    }
    return mapped;
}

static pyr_status fill(pyr_segment_source *source, const pyr_function_call *call,
                       int64_t *mapped_bytes, pyr_error *error) {
    diff_source *self = (diff_source *)source;
    self->pool = call->pool;
    self->cancel = call->cancel;
    PYR_TRY(pyr_made_schema(columns_of_table, COLUMNS, &source->schema, error));
    PYR_TRY(pyr_tensor_files_open(call, &call->values[0], "tensor_diff", &self->a, error));
    PYR_TRY(pyr_tensor_files_open(call, &call->values[1], "tensor_diff", &self->b, error));
    *mapped_bytes = mapped_by(&self->a, call->ledger) + mapped_by(&self->b, call->ledger);
    PYR_TRY(pair_up(self, error));
    return cut_batches(self, error);
}

static pyr_status open_table(const pyr_function_call *call, pyr_table **out, pyr_error *error) {
    return pyr_function_source_table(call, "tensor_diff", "tensor_diff", &ops, sizeof(diff_source),
                                     fill, out, error);
}

const pyr_table_function pyr_function_tensor_diff = {
    .name = "tensor_diff",
    .parameters_count = 2,
    .parameters = {{.name = "a", .type = PYR_ARGUMENT_TEXT},
                   {.name = "b", .type = PYR_ARGUMENT_TEXT}},
    .columns = columns_of_table,
    .columns_count = COLUMNS,
    .open = open_table,
};
