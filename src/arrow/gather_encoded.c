/* gather_encoded.c - pieces of dictionary and run-end encoded arrays; see gather.c. */
#include "arrow/gather_internal.h"

#include <assert.h>

/* ---- Dictionaries. ---- */

/* The dictionaries of the pieces, each once, with where its values begin in the unified one. */
typedef struct dictionary_set {
    struct dictionary_entry {
        pyr_array *dictionary;
        int64_t base;
    } * entries;
    size_t count, capacity;
} dictionary_set;

static pyr_status add_dictionary(dictionary_set *set, pyr_array *dictionary, pyr_error *error) {
    assert(dictionary != NULL);
    for (size_t i = set->count; i-- > 0;) {
        if (set->entries[i].dictionary == dictionary) {
            return PYR_OK; /* mostly the newest: one dictionary a run of batches */
        }
    }
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 4 : set->capacity * 2;
        struct dictionary_entry *entries = realloc(set->entries, capacity * sizeof(*entries));
        if (entries == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*entries));
        }
        set->entries = entries;
        set->capacity = capacity;
    }
    set->entries[set->count++].dictionary = dictionary;
    return PYR_OK;
}

static int64_t base_of(const dictionary_set *set, const pyr_array *dictionary) {
    size_t i = set->count;
    do {
        assert(i > 0); /* unify added the dictionary of every piece */
    } while (set->entries[--i].dictionary != dictionary);
    return set->entries[i].base;
}

/* The longest, when every other one is a beginning of it: what deltas of a stream give. */
static pyr_array *common_dictionary(const dictionary_set *set) {
    pyr_array *longest = set->entries[0].dictionary;
    for (size_t i = 1; i < set->count; ++i) {
        if (set->entries[i].dictionary->length > longest->length) {
            longest = set->entries[i].dictionary;
        }
    }
    for (size_t i = 0; i < set->count; ++i) {
        const pyr_array *dictionary = set->entries[i].dictionary;
        if (dictionary != longest &&
            !pyr_array_range_equal(dictionary, 0, longest, 0, dictionary->length)) {
            return NULL;
        }
    }
    return longest;
}

static pyr_status append_dictionaries(gathering *g, dictionary_set *set, pyr_error *error) {
    pyr_piece *pieces = calloc(set->count, sizeof(*pieces));
    if (pieces == NULL) {
        return pyr_error_memory(error, set->count * sizeof(*pieces));
    }
    int64_t base = 0;
    for (size_t i = 0; i < set->count; ++i) {
        pyr_array *dictionary = set->entries[i].dictionary;
        set->entries[i].base = base;
        base += dictionary->length;
        pieces[i] = (pyr_piece){dictionary, 0, dictionary->length};
    }
    pyr_status status = pyr_gather_pieces(g->gather, g->field->dictionary, pieces, set->count,
                                          &g->dictionary, error);
    free(pieces);
    return status;
}

static pyr_status unify(gathering *g, dictionary_set *set, pyr_error *error) {
    for (size_t i = 0; i < g->count; ++i) {
        if (g->pieces[i].array != NULL) {
            PYR_TRY(add_dictionary(set, g->pieces[i].array->dictionary, error));
        }
    }
    if (set->count == 0) {
        return pyr_array_create_null(g->field->dictionary, 0, g->gather->budget, &g->dictionary,
                                     error);
    }
    pyr_array *common = common_dictionary(set);
    if (common == NULL) {
        return append_dictionaries(g, set, error);
    }
    for (size_t i = 0; i < set->count; ++i) {
        set->entries[i].base = 0;
    }
    g->dictionary = pyr_array_retain(common);
    return PYR_OK;
}

/* The largest index that fits the type of indices. */
static uint64_t index_max(const pyr_field *field) {
    int32_t bits = pyr_type_bit_width(field);
    return UINT64_MAX >> (64 - bits + (pyr_type_is_signed(field->index_type) ? 1 : 0));
}

static pyr_status copy_indices(gathering *g, const pyr_piece *piece, int64_t base, uint8_t *to,
                               pyr_error *error) {
    size_t width = (size_t)pyr_type_bit_width(g->field) / 8;
    uint64_t max = index_max(g->field);
    if (base == 0) {
        memcpy(to,
               piece->array->buffers[1]->data +
                   (size_t)(piece->array->offset + piece->start) * width,
               (size_t)piece->length * width);
        return PYR_OK;
    }
    for (int64_t k = 0; k < piece->length; ++k) {
        if (pyr_array_is_null(piece->array, piece->start + k)) {
            continue; /* zero */
        }
        uint64_t index =
            (uint64_t)pyr_array_dictionary_index(piece->array, piece->start + k) + (uint64_t)base;
        if (index > max) {
            return pyr_gather_limit(g, "the joined dictionaries need a wider index type", error);
        }
        memcpy(to + (size_t)k * width, &index, width); /* little-endian: the low bytes */
    }
    return PYR_OK;
}

static pyr_status gather_indices(gathering *g, const dictionary_set *set, pyr_error *error) {
    size_t width = (size_t)pyr_type_bit_width(g->field) / 8;
    PYR_TRY(pyr_gather_buffer(g, 1, (size_t)g->length * width, true, error));
    uint8_t *to = pyr_buffer_mutable(g->buffers[1]);
    for (size_t i = 0; i < g->count; ++i) {
        const pyr_piece *piece = &g->pieces[i];
        if (piece->array != NULL && piece->length > 0) {
            PYR_TRY(copy_indices(g, piece, base_of(set, piece->array->dictionary), to, error));
        }
        to += (size_t)piece->length * width;
    }
    return PYR_OK;
}

pyr_status pyr_gather_dictionary(gathering *g, pyr_error *error) {
    dictionary_set set = {0};
    pyr_status status = unify(g, &set, error);
    if (status == PYR_OK) {
        status = gather_indices(g, &set, error);
    }
    free(set.entries);
    return status;
}

/* ---- Run ends. ---- */

typedef struct run_list {
    int64_t *ends;
    size_t count, capacity;
    const pyr_array *last_array; /* of the newest run; NULL: nulls */
    int64_t last_run;
} run_list;

/* A run up to `end`: the newest one goes on when it is the same one of the same array. */
static pyr_status add_run(run_list *runs, piece_list *values, pyr_array *array, int64_t run,
                          int64_t end, pyr_error *error) {
    if (runs->count > 0 && runs->last_array == array && runs->last_run == run) {
        runs->ends[runs->count - 1] = end;
        return PYR_OK;
    }
    if (runs->count == runs->capacity) {
        size_t capacity = runs->capacity == 0 ? 16 : runs->capacity * 2;
        int64_t *ends = realloc(runs->ends, capacity * sizeof(*ends));
        if (ends == NULL) {
            return pyr_error_memory(error, capacity * sizeof(*ends));
        }
        runs->ends = ends;
        runs->capacity = capacity;
    }
    runs->ends[runs->count++] = end;
    runs->last_array = array;
    runs->last_run = run;
    return pyr_pieces_add(values, array != NULL ? array->children[1] : NULL, run, 1, error);
}

static pyr_status piece_runs(const pyr_piece *piece, int64_t at, run_list *runs, piece_list *values,
                             pyr_error *error) {
    if (piece->array == NULL) {
        return add_run(runs, values, NULL, 0, at + piece->length, error);
    }
    int64_t run = pyr_array_run_index(piece->array, piece->start);
    int64_t done = 0;
    while (done < piece->length) {
        /* Where the run ends, counted from the piece's first row. */
        int64_t end =
            pyr_array_int64(piece->array->children[0], run) - piece->array->offset - piece->start;
        done = end < piece->length ? end : piece->length;
        PYR_TRY(add_run(runs, values, piece->array, run++, at + done, error));
    }
    return PYR_OK;
}

static pyr_status build_run_ends(gathering *g, const run_list *runs, pyr_error *error) {
    pyr_field *field = g->field->children[0];
    size_t width = (size_t)pyr_type_bit_width(field) / 8;
    if ((width == 2 && g->length > INT16_MAX) || (width == 4 && g->length > INT32_MAX)) {
        return pyr_gather_limit(g, "the type of the run ends is too narrow", error);
    }
    pyr_buffer *buffers[2] = {NULL, NULL};
    size_t size = runs->count * width;
    PYR_TRY(pyr_buffer_create(size, g->gather->budget, &buffers[1], error));
    pyr_ledger_add_copy(g->gather->ledger, g->gather->reason, (int64_t)size);
    uint8_t *to = pyr_buffer_mutable(buffers[1]);
    for (size_t i = 0; i < runs->count; ++i) {
        memcpy(to + i * width, &runs->ends[i], width); /* little-endian: the low bytes */
    }
    pyr_status status = pyr_array_create(field, (int64_t)runs->count, 0, 0, buffers, 2, NULL, 0,
                                         NULL, &g->children[0], error);
    pyr_buffer_release(buffers[1]);
    return status;
}

pyr_status pyr_gather_runs(gathering *g, pyr_error *error) {
    run_list runs = {0};
    piece_list values = {0};
    pyr_status status = PYR_OK;
    int64_t at = 0;
    for (size_t i = 0; status == PYR_OK && i < g->count; at += g->pieces[i++].length) {
        if (g->pieces[i].length > 0) {
            status = piece_runs(&g->pieces[i], at, &runs, &values, error);
        }
    }
    if (status == PYR_OK) {
        status = build_run_ends(g, &runs, error);
    }
    if (status == PYR_OK) {
        status = pyr_gather_pieces(g->gather, g->field->children[1], values.pieces, values.count,
                                   &g->children[1], error);
    }
    free(runs.ends);
    free(values.pieces);
    return status;
}
