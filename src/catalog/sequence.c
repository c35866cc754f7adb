/* sequence.c - sequences; see sequence.h.
 *
 * The record `sequence/` ID says where the next block begins. It is written, and on disk, before
 * the first number of a block is given.
 */
#include "catalog/entry_internal.h"
#include "catalog/record_bytes.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE_PREFIX "sequence/"
enum { BLOCK_MIN = 64, BLOCK_MAX = 65536 };

/* ---- Definitions. ---- */

void pyr_sequence_print(const pyr_sequence_definition *definition, pyr_text *out) {
    pyr_text_printf(
        out, "START %" PRId64 " INCREMENT %" PRId64 " MINVALUE %" PRId64 " MAXVALUE %" PRId64 " %s",
        definition->start, definition->increment, definition->minimum, definition->maximum,
        definition->cycle ? "CYCLE" : "NO CYCLE");
}

bool pyr_sequence_parse(const char *text, pyr_sequence_definition *out) {
    int end = 0;
    memset(out, 0, sizeof(*out));
    int found = sscanf(text,
                       "START %" SCNd64 " INCREMENT %" SCNd64 " MINVALUE %" SCNd64
                       " MAXVALUE %" SCNd64 " %n",
                       &out->start, &out->increment, &out->minimum, &out->maximum, &end);
    if (found != 4 || out->increment == 0 || out->minimum > out->maximum ||
        out->start < out->minimum || out->start > out->maximum) {
        return false;
    }
    out->cycle = strcmp(text + end, "CYCLE") == 0;
    return out->cycle || strcmp(text + end, "NO CYCLE") == 0;
}

/* ---- The store. ---- */

struct pyr_sequence_store {
    atomic_size_t references; /* the catalog's and each sequence's */
    pthread_mutex_t lock;     /* guards catalog; held over a write */
    pyr_catalog *catalog;     /* NULL: closed */
};

pyr_status pyr_sequence_store_create(pyr_catalog *catalog, pyr_sequence_store **out,
                                     pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    atomic_init(&(*out)->references, 1);
    pthread_mutex_init(&(*out)->lock, NULL);
    (*out)->catalog = catalog;
    return PYR_OK;
}

static void store_release(pyr_sequence_store *store) {
    if (atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) == 1) {
        pthread_mutex_destroy(&store->lock);
        free(store);
    }
}

void pyr_sequence_store_close(pyr_sequence_store *store) {
    if (store == NULL) {
        return;
    }
    pthread_mutex_lock(&store->lock);
    store->catalog = NULL;
    pthread_mutex_unlock(&store->lock);
    store_release(store);
}

/* ---- Sequences. ---- */

/* Where a sequence stands: its next number, unless there is none. */
typedef struct state {
    int64_t next;
    bool ended;
} state;

struct pyr_sequence {
    atomic_size_t references;
    pyr_sequence_store *store; /* retained */
    uint64_t id;
    pyr_sequence_definition definition;
    pthread_mutex_t lock; /* guards the rest */
    state at;             /* the next number to give */
    state written;        /* where the next block begins, as the record has it */
    uint64_t left;        /* numbers of the block that were not given */
    uint64_t block;       /* how many the next block has */
    bool recorded;        /* it is in the catalog: blocks are written */
    bool given;
    int64_t last;
};

static pyr_status create(pyr_sequence_store *store, uint64_t id,
                         const pyr_sequence_definition *definition, state at, bool recorded,
                         pyr_sequence **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return pyr_error_memory(error, sizeof(**out));
    }
    pyr_sequence *sequence = *out;
    atomic_init(&sequence->references, 1);
    pthread_mutex_init(&sequence->lock, NULL);
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    sequence->store = store;
    sequence->id = id;
    sequence->definition = *definition;
    sequence->at = at;
    sequence->written = at;
    sequence->block = BLOCK_MIN;
    sequence->recorded = recorded;
    return PYR_OK;
}

pyr_status pyr_sequence_create(pyr_sequence_store *store, uint64_t id,
                               const pyr_sequence_definition *definition, pyr_sequence **out,
                               pyr_error *error) {
    return create(store, id, definition, (state){definition->start, false}, false, out, error);
}

pyr_sequence *pyr_sequence_retain(pyr_sequence *sequence) {
    atomic_fetch_add_explicit(&sequence->references, 1, memory_order_relaxed);
    return sequence;
}

void pyr_sequence_release(pyr_sequence *sequence) {
    if (sequence == NULL ||
        atomic_fetch_sub_explicit(&sequence->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pthread_mutex_destroy(&sequence->lock);
    store_release(sequence->store);
    free(sequence);
}

/* ---- Records. ---- */

static void make_key(pyr_text *key, uint64_t id) {
    pyr_text_add(key, SEQUENCE_PREFIX);
    pyr_record_add_key_number(key, id);
}

static pyr_status put_state(pyr_lsm_batch *batch, uint64_t id, const state *at, pyr_error *error) {
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    make_key(&key, id);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_text_add_char(&value, at->ended ? 1 : 0);
    for (int i = 0; i < 8; ++i) {
        pyr_text_add_char(&value, (char)((uint64_t)at->next >> (8 * i)));
    }
    pyr_status status = pyr_record_put(batch, &key, &value, error);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    return status;
}

static bool read_state(const pyr_text *key, const char *value, size_t size,
                       const pyr_sequence_definition *definition, state *out) {
    pyr_cursor cursor;
    uint8_t ended = 0;
    uint64_t next = 0;
    if (!pyr_record_begin(key->data, key->length, value, size, &cursor) ||
        !pyr_cursor_u8(&cursor, &ended) || ended > 1 || !pyr_cursor_u64(&cursor, &next) ||
        pyr_cursor_left(&cursor) > 0) {
        return false;
    }
    out->ended = ended == 1;
    out->next = (int64_t)next;
    return out->next >= definition->minimum && out->next <= definition->maximum;
}

pyr_status pyr_sequence_load(pyr_sequence_store *store, uint64_t id,
                             const pyr_sequence_definition *definition, pyr_sequence **out,
                             pyr_error *error) {
    *out = NULL;
    pyr_text key;
    pyr_text_init(&key);
    make_key(&key, id);
    char *value = NULL;
    size_t size = 0;
    state at = {0};
    pyr_status status = pyr_text_check(&key, error);
    if (status == PYR_OK) {
        status = pyr_lsm_get(store->catalog->lsm, key.data, key.length, &value, &size, error);
    }
    if (status == PYR_OK && (value == NULL || !read_state(&key, value, size, definition, &at))) {
        status = pyr_error_set(error, PYR_ERROR_CORRUPT,
                               "catalog: the state of sequence %" PRIu64
                               " is damaged; restore the catalog/ folder from a backup",
                               id);
    }
    if (status == PYR_OK) {
        status = create(store, id, definition, at, true, out, error);
    }
    free(value);
    pyr_text_deinit(&key);
    return status;
}

pyr_status pyr_sequence_record(pyr_sequence *sequence, pyr_lsm_batch *batch, pyr_error *error) {
    /* Until now only the transaction that made it knew it, and that one is committing. */
    pthread_mutex_lock(&sequence->lock);
    sequence->recorded = true;
    sequence->written = sequence->at;
    sequence->left = 0;
    pthread_mutex_unlock(&sequence->lock);
    return put_state(batch, sequence->id, &sequence->written, error);
}

pyr_status pyr_sequence_delete(pyr_lsm_batch *batch, uint64_t id, pyr_error *error) {
    pyr_text key;
    pyr_text_init(&key);
    make_key(&key, id);
    pyr_status status = pyr_text_check(&key, error);
    if (status == PYR_OK) {
        pyr_lsm_batch_delete(batch, key.data, key.length);
    }
    pyr_text_deinit(&key);
    return status;
}

/* On disk when it returns. With the sequence's lock held. */
static pyr_status write_state(pyr_sequence *sequence, const state *at, pyr_error *error) {
    pyr_sequence_store *store = sequence->store;
    pthread_mutex_lock(&store->lock);
    pyr_catalog *catalog = store->catalog;
    pyr_lsm_batch *batch = NULL;
    pyr_status status =
        catalog == NULL ? pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT, "the database is closed")
                        : pyr_catalog_check_writable(catalog, error);
    if (status == PYR_OK) {
        status = pyr_lsm_batch_create(&batch, error);
    }
    if (status == PYR_OK) {
        status = put_state(batch, sequence->id, at, error);
    }
    if (status == PYR_OK) {
        pthread_mutex_lock(&catalog->write_lock);
        status = pyr_lsm_write(catalog->lsm, batch, true, error);
        pthread_mutex_unlock(&catalog->write_lock);
    }
    pyr_lsm_batch_destroy(batch);
    pthread_mutex_unlock(&store->lock);
    return status;
}

/* ---- Giving numbers. ---- */

/* How many numbers stand from at to the end of this round; at least 1. */
static uint64_t room(const pyr_sequence_definition *definition, int64_t at) {
    uint64_t distance = definition->increment > 0 ? (uint64_t)definition->maximum - (uint64_t)at
                                                  : (uint64_t)at - (uint64_t)definition->minimum;
    uint64_t step = definition->increment > 0 ? (uint64_t)definition->increment
                                              : 0 - (uint64_t)definition->increment;
    uint64_t steps = distance / step;
    return steps == UINT64_MAX ? steps : steps + 1;
}

/* at moved by count numbers, which its round has. */
static state moved(const pyr_sequence_definition *definition, state at, uint64_t count) {
    if (count < room(definition, at.next)) {
        at.next = (int64_t)((uint64_t)at.next + count * (uint64_t)definition->increment);
    } else if (definition->cycle) {
        at.next = definition->increment > 0 ? definition->minimum : definition->maximum;
    } else {
        at.ended = true;
    }
    return at;
}

/* A block with at least one number. */
static pyr_status reserve(pyr_sequence *sequence, uint64_t wanted, pyr_error *error) {
    uint64_t count = sequence->block > wanted ? sequence->block : wanted;
    uint64_t most = room(&sequence->definition, sequence->at.next);
    count = count < most ? count : most;
    state next = moved(&sequence->definition, sequence->at, count);
    if (sequence->recorded) {
        PYR_TRY(write_state(sequence, &next, error));
    }
    sequence->written = next;
    sequence->left = count;
    sequence->block = sequence->block < BLOCK_MAX ? sequence->block * 2 : BLOCK_MAX;
    return PYR_OK;
}

static pyr_status ended(const pyr_sequence *sequence, const char *name, pyr_error *error) {
    bool up = sequence->definition.increment > 0;
    return pyr_error_set_sql(error, PYR_ERROR_SQL, "2200H", -1,
                             "nextval: reached the %s value of sequence \"%s\" (%" PRId64 ")",
                             up ? "maximum" : "minimum", name,
                             up ? sequence->definition.maximum : sequence->definition.minimum);
}

pyr_status pyr_sequence_next(pyr_sequence *sequence, const char *name, int64_t *numbers,
                             size_t count, pyr_error *error) {
    pyr_status status = PYR_OK;
    pthread_mutex_lock(&sequence->lock);
    for (size_t i = 0; status == PYR_OK && i < count; ++i) {
        if (sequence->left == 0 && sequence->at.ended) {
            status = ended(sequence, name, error);
        } else if (sequence->left == 0) {
            status = reserve(sequence, count - i, error);
        }
        if (status == PYR_OK) {
            numbers[i] = sequence->at.next;
            sequence->last = numbers[i];
            sequence->given = true;
            --sequence->left;
            sequence->at = moved(&sequence->definition, sequence->at, 1);
        }
    }
    pthread_mutex_unlock(&sequence->lock);
    return status;
}

pyr_status pyr_sequence_last(pyr_sequence *sequence, const char *name, int64_t *out,
                             pyr_error *error) {
    pthread_mutex_lock(&sequence->lock);
    bool given = sequence->given;
    *out = sequence->last;
    pthread_mutex_unlock(&sequence->lock);
    return given ? PYR_OK
                 : pyr_error_set_sql(error, PYR_ERROR_SQL, "55000", -1,
                                     "currval: sequence \"%s\" has given no number yet", name);
}

void pyr_sequence_settle(pyr_sequence *sequence) {
    pthread_mutex_lock(&sequence->lock);
    if (sequence->left > 0 && sequence->recorded &&
        write_state(sequence, &sequence->at, NULL) == PYR_OK) {
        sequence->written = sequence->at;
        sequence->left = 0;
    }
    pthread_mutex_unlock(&sequence->lock);
}
