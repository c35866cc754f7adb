/* dictionaries.c - the dictionaries a reader has seen, by id.
 *
 * Messages are kept and decoded when a batch first needs them, because a dictionary's values may
 * hold dictionary-encoded fields whose own messages come in any order before the batch, and because
 * a projection may never need them. Invariants:
 *  1. A slot's array is made of its first chunks_decoded chunks.
 *  2. stamp grows whenever array changes; a slot whose nested dictionaries are newer than itself is
 *     decoded again, from all its chunks. Only slots with nested dictionaries keep decoded chunks.
 *  3. Types nest finitely and fields of one id have equal types, so nesting of ids has no cycle.
 */
#include "arrow/ipc/ipc_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct slot {
    int64_t id;
    int32_t ordinal; /* the first field with this id: its type and its nested ordinals */
    bool nested;
    pyr_ipc_source *chunks;
    size_t chunks_count, chunks_capacity, chunks_decoded;
    pyr_array *array;
    uint64_t stamp;
} slot;

struct pyr_ipc_dictionaries {
    const pyr_ipc_schema *schema;
    bool allow_replacement;
    slot *slots; /* ascending by id */
    size_t slots_count;
    uint32_t *slot_of; /* by ordinal */
    uint64_t clock;
};

static const char *field_name(const pyr_ipc_dictionaries *d, const slot *s) {
    return d->schema->ordinals[s->ordinal].field->name;
}

static int compare_ids(const void *a, const void *b) {
    const slot *x = a, *y = b;
    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

static slot *find_slot(const pyr_ipc_dictionaries *d, int64_t id) {
    size_t low = 0, high = d->slots_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->slots[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < d->slots_count && d->slots[low].id == id ? &d->slots[low] : NULL;
}

/* One slot an id; fields that share an id must agree on the type of its values. */
static pyr_status merge_slots(pyr_ipc_dictionaries *d, pyr_error *error) {
    size_t kept = 0;
    for (size_t i = 0; i < d->slots_count; ++i) {
        slot *s = &d->slots[i];
        if (kept > 0 && d->slots[kept - 1].id == s->id) {
            const pyr_ipc_ordinal *first = &d->schema->ordinals[d->slots[kept - 1].ordinal];
            const pyr_ipc_ordinal *other = &d->schema->ordinals[s->ordinal];
            if (!pyr_field_type_equal(first->field->dictionary, other->field->dictionary)) {
                return pyr_error_set(error, PYR_ERROR_CORRUPT,
                                     "Arrow schema: fields \"%s\" and \"%s\" share dictionary "
                                     "%lld but not its type",
                                     first->field->name, other->field->name, (long long)s->id);
            }
        } else {
            d->slots[kept++] = *s;
        }
        d->slot_of[s->ordinal] = (uint32_t)(kept - 1);
    }
    d->slots_count = kept;
    return PYR_OK;
}

pyr_status pyr_ipc_dictionaries_create(const pyr_ipc_schema *schema, bool allow_replacement,
                                       pyr_ipc_dictionaries **out, pyr_error *error) {
    *out = NULL;
    size_t count = (size_t)schema->ordinals_count;
    pyr_ipc_dictionaries *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return pyr_error_memory(error, sizeof *d);
    }
    d->schema = schema;
    d->allow_replacement = allow_replacement;
    if (count > 0) {
        d->slots = calloc(count, sizeof *d->slots);
        d->slot_of = calloc(count, sizeof *d->slot_of);
        if (d->slots == NULL || d->slot_of == NULL) {
            pyr_ipc_dictionaries_destroy(d);
            return pyr_error_memory(error, count * sizeof *d->slots);
        }
        for (size_t i = 0; i < count; ++i) {
            d->slots[i].id = schema->ordinals[i].id;
            d->slots[i].ordinal = (int32_t)i;
            d->slots[i].nested = schema->ordinals[i].end > (int32_t)i + 1;
        }
        d->slots_count = count;
        qsort(d->slots, count, sizeof *d->slots, compare_ids);
        pyr_status status = merge_slots(d, error);
        if (status != PYR_OK) {
            pyr_ipc_dictionaries_destroy(d);
            return status;
        }
    }
    *out = d;
    return PYR_OK;
}

static void drop_chunks(slot *s) {
    for (size_t i = 0; i < s->chunks_count; ++i) {
        pyr_buffer_release(s->chunks[i].metadata);
        pyr_buffer_release(s->chunks[i].body);
    }
    s->chunks_count = 0;
    s->chunks_decoded = 0;
}

void pyr_ipc_dictionaries_destroy(pyr_ipc_dictionaries *d) {
    if (d == NULL) {
        return;
    }
    for (size_t i = 0; i < d->slots_count; ++i) {
        drop_chunks(&d->slots[i]);
        free(d->slots[i].chunks);
        pyr_array_release(d->slots[i].array);
    }
    free(d->slots);
    free(d->slot_of);
    free(d);
}

static pyr_status head_of(const pyr_ipc_source *source, const pyr_ipc_limits *limits,
                          pyr_ipc_head *head, pyr_error *error) {
    PYR_TRY(pyr_ipc_head_read(source->metadata->data + source->metadata_offset,
                              source->metadata_bytes, limits, head, error));
    if (head->type != PYR_IPC_DICTIONARY_BATCH) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "Arrow message: not a dictionary batch");
    }
    return PYR_OK;
}

pyr_status pyr_ipc_dictionaries_add(pyr_ipc_dictionaries *d, const pyr_ipc_limits *limits,
                                    const pyr_ipc_source *source, pyr_error *error) {
    pyr_ipc_head head;
    PYR_TRY(head_of(source, limits, &head, error));
    int64_t id = pyr_fb_i64(head.header, PYR_FBS_DICTIONARY_ID, 0);
    bool delta = pyr_fb_bool(head.header, PYR_FBS_DICTIONARY_IS_DELTA, false);
    if (head.input.fault != NULL) {
        return pyr_ipc_fault(&head.input, "dictionary batch", error);
    }
    slot *s = find_slot(d, id);
    if (s == NULL) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "Arrow dictionary batch: no field has dictionary %lld", (long long)id);
    }
    bool known = s->array != NULL || s->chunks_count > 0;
    if (delta && !known) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "field \"%s\": a delta of dictionary %lld before the dictionary",
                             field_name(d, s), (long long)id);
    }
    if (!delta && known && !d->allow_replacement) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT,
                             "field \"%s\": dictionary %lld stands twice, files hold it once",
                             field_name(d, s), (long long)id);
    }
    if (!pyr_ipc_grow((void **)&s->chunks, &s->chunks_capacity, s->chunks_count + 1,
                      sizeof *s->chunks)) {
        return pyr_error_memory(error, (s->chunks_count + 1) * sizeof *s->chunks);
    }
    if (!delta && known) {
        drop_chunks(s);
        pyr_array_release(s->array);
        s->array = NULL;
    }
    pyr_ipc_source chunk = *source;
    chunk.metadata = pyr_buffer_retain(source->metadata);
    chunk.body = pyr_buffer_retain(source->body);
    s->chunks[s->chunks_count++] = chunk;
    return PYR_OK;
}

bool pyr_ipc_dictionaries_has(const pyr_ipc_dictionaries *d, int32_t ordinal) {
    const slot *s = &d->slots[d->slot_of[ordinal]];
    return s->array != NULL || s->chunks_count > 0;
}

/* Joining reads values, so the parts must be sound whatever the reader asked for. */
static pyr_status append(slot *s, const pyr_ipc_read *read, pyr_array *delta, pyr_error *error) {
    pyr_array *parts[2] = {s->array, delta};
    for (int i = 0; i < 2; ++i) {
        PYR_TRY(pyr_array_validate(parts[i], PYR_VALIDATE_FULL, error));
    }
    pyr_array *joined;
    PYR_TRY(pyr_array_concat(parts, 2, read->ledger, read->budget, &joined, error));
    pyr_array_release(s->array);
    s->array = joined;
    return PYR_OK;
}

static pyr_status decode_chunk(slot *s, const pyr_ipc_read *read, const pyr_ipc_source *chunk,
                               pyr_error *error) {
    pyr_ipc_head head;
    PYR_TRY(head_of(chunk, read->limits, &head, error));
    pyr_ipc_read locked = *read;
    locked.lock = NULL; /* the caller holds it while nested dictionaries are found */
    pyr_array *array;
    PYR_TRY(pyr_ipc_dictionary_read(&locked, &head, chunk, s->ordinal, &array, error));
    if (s->array == NULL) {
        s->array = array;
        return PYR_OK;
    }
    pyr_status status = append(s, read, array, error);
    pyr_array_release(array);
    return status;
}

static pyr_status decode_chunks(pyr_ipc_dictionaries *d, slot *s, const pyr_ipc_read *read,
                                pyr_error *error) {
    while (s->chunks_decoded < s->chunks_count) {
        PYR_TRY(decode_chunk(s, read, &s->chunks[s->chunks_decoded], error));
        ++s->chunks_decoded;
        s->stamp = ++d->clock;
    }
    if (!s->nested) {
        drop_chunks(s);
    }
    return PYR_OK;
}

/* The newest stamp among the dictionaries nested in the slot's values, brought up to date first. */
static pyr_status update_nested(pyr_ipc_dictionaries *d, const slot *s, const pyr_ipc_read *read,
                                uint64_t *newest, pyr_error *error) {
    *newest = 0;
    const pyr_ipc_ordinal *ordinals = d->schema->ordinals;
    for (int32_t i = s->ordinal + 1; i < ordinals[s->ordinal].end; i = ordinals[i].end) {
        if (!pyr_ipc_dictionaries_has(d, i)) {
            continue; /* reading tells whether it matters */
        }
        pyr_array *ignored;
        PYR_TRY(pyr_ipc_dictionaries_get(d, read, i, &ignored, error));
        uint64_t stamp = d->slots[d->slot_of[i]].stamp;
        *newest = stamp > *newest ? stamp : *newest;
    }
    return PYR_OK;
}

pyr_status pyr_ipc_dictionaries_get(pyr_ipc_dictionaries *d, const pyr_ipc_read *read,
                                    int32_t ordinal, pyr_array **out, pyr_error *error) {
    *out = NULL;
    slot *s = &d->slots[d->slot_of[ordinal]];
    if (!pyr_ipc_dictionaries_has(d, ordinal)) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "dictionary %lld of field \"%s\" is missing",
                             (long long)s->id, field_name(d, s));
    }
    if (s->nested) {
        uint64_t newest;
        PYR_TRY(update_nested(d, s, read, &newest, error));
        if (s->array != NULL && newest > s->stamp) {
            pyr_array_release(s->array);
            s->array = NULL;
            s->chunks_decoded = 0;
        }
    }
    if (s->array == NULL || s->chunks_decoded < s->chunks_count) {
        pyr_status status = decode_chunks(d, s, read, error);
        if (status != PYR_OK) {
            return pyr_error_context(error, status, "dictionary %lld of field \"%s\"",
                                     (long long)s->id, field_name(d, s));
        }
    }
    *out = s->array;
    return PYR_OK;
}
