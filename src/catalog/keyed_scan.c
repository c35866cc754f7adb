/* keyed_scan.c - ranges of row keys, and scans of them; see keyed.h.
 *
 * A batch is one look into the LSM: an iterator of its own, from the key behind the last one. What
 * the change wrote is merged in, so that rows come in key order whoever wrote them.
 */
#include "catalog/keyed_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 8192
#define BATCH_BYTES_MAX ((size_t)8 << 20) /* of rows as they are stored */

/* ---- Ranges. ---- */

void pyr_keyed_range_init(pyr_keyed_range *range) {
    memset(range, 0, sizeof(*range));
    pyr_text_init(&range->lower);
    pyr_text_init(&range->upper);
}

void pyr_keyed_range_deinit(pyr_keyed_range *range) {
    pyr_text_deinit(&range->lower);
    pyr_text_deinit(&range->upper);
}

void pyr_keyed_ranges_free(pyr_keyed_range *ranges, size_t count) {
    for (size_t i = 0; ranges != NULL && i < count; ++i) {
        pyr_keyed_range_deinit(&ranges[i]);
    }
    free(ranges);
}

static int compare_texts(const pyr_text *a, const pyr_text *b) {
    return pyr_keyed_compare(a->data, a->length, b->data, b->length);
}

static void copy_text(pyr_text *to, const pyr_text *from) {
    pyr_text_clear(to);
    pyr_text_append(to, pyr_text_get(from), from->length);
}

static void raise_lower(pyr_keyed_range *range, const pyr_text *key) {
    if (compare_texts(key, &range->lower) > 0) {
        copy_text(&range->lower, key);
    }
}

static void cut_upper(pyr_keyed_range *range, const pyr_text *key) {
    if (!range->bounded || compare_texts(key, &range->upper) < 0) {
        copy_text(&range->upper, key);
        range->bounded = true;
    }
}

/* after: the first key above all that begin with the prefix; none: nothing is. */
static void narrow(pyr_keyed_range *range, pyr_keyed_comparison comparison, const pyr_text *prefix,
                   const pyr_text *after, bool has_after) {
    bool lower = comparison == PYR_KEYED_EQUAL || comparison == PYR_KEYED_GREATER_EQUAL;
    bool upper = comparison == PYR_KEYED_EQUAL || comparison == PYR_KEYED_LESS_EQUAL;
    if (lower) {
        raise_lower(range, prefix);
    }
    if (upper && has_after) {
        cut_upper(range, after);
    }
    if (comparison == PYR_KEYED_LESS) {
        cut_upper(range, prefix);
    }
    if (comparison == PYR_KEYED_GREATER && has_after) {
        raise_lower(range, after);
    }
    bool nothing = comparison == PYR_KEYED_GREATER && !has_after;
    range->empty = range->empty || nothing ||
                   (range->bounded && compare_texts(&range->lower, &range->upper) >= 0);
}

pyr_status pyr_keyed_range_narrow(pyr_keyed_range *range, const pyr_table *table,
                                  pyr_keyed_comparison comparison, const pyr_batch *values,
                                  const int32_t *columns, int32_t count, int64_t row,
                                  pyr_error *error) {
    int32_t key_columns;
    if (table->keyed == NULL ||
        pyr_keyed_columns(table, PYR_KEYED_PRIMARY_KEY, &key_columns) == NULL || count < 1 ||
        count > key_columns) {
        return pyr_error_set(error, PYR_ERROR_INVALID_ARGUMENT,
                             "table \"%s\" has no primary key of %d columns", table->name,
                             (int)count);
    }
    pyr_text prefix;
    pyr_text after;
    pyr_text_init(&prefix);
    pyr_text_init(&after);
    pyr_status status =
        pyr_key_encode(table->keyed->shape->codec, values, columns, count, row, &prefix, error);
    if (status == PYR_OK) {
        copy_text(&after, &prefix);
        bool has_after = pyr_key_prefix_end(&after);
        narrow(range, comparison, &prefix, &after, has_after);
        status = pyr_text_check(&after, error);
    }
    if (status == PYR_OK) {
        status = pyr_text_check(&range->lower, error);
    }
    if (status == PYR_OK) {
        status = pyr_text_check(&range->upper, error);
    }
    pyr_text_deinit(&prefix);
    pyr_text_deinit(&after);
    return status;
}

/* ---- Scans. ---- */

struct pyr_keyed_scan {
    pyr_table *table; /* retained */
    keyed_columns columns;
    pyr_lsm_view *view; /* retained; NULL: no rows are committed */
    pyr_query_ledger *ledger;
    pyr_budget *budget;
    size_t batch_rows;
    pyr_text next;  /* LSM key to go on from: the table's prefix and a row key */
    pyr_text upper; /* LSM key to end before */
    bool bounded;   /* upper is one of the table's keys, not the end of them all */
    size_t prefix_size;
    bool done;
    /* of one batch */
    keyed_gathered gathered;
    const keyed_node *written; /* next of the change's; NULL: none left */
};

static void set_bounds(pyr_keyed_scan *scan, const pyr_keyed_range *range) {
    keyed_prefix prefix = pyr_keyed_row_prefix(scan->table->id);
    scan->prefix_size = prefix.size;
    scan->bounded = range != NULL && range->bounded;
    pyr_text_append(&scan->next, (const char *)prefix.bytes, prefix.size);
    if (range != NULL) {
        pyr_text_append(&scan->next, pyr_text_get(&range->lower), range->lower.length);
    }
    if (scan->bounded) {
        pyr_text_append(&scan->upper, (const char *)prefix.bytes, prefix.size);
        pyr_text_append(&scan->upper, pyr_text_get(&range->upper), range->upper.length);
    } else {
        keyed_prefix end = pyr_keyed_prefix_end(prefix);
        pyr_text_append(&scan->upper, (const char *)end.bytes, end.size);
    }
    scan->done = range != NULL && range->empty;
}

pyr_status pyr_keyed_scan_create(pyr_table *table, const pyr_keyed_scan_options *options,
                                 pyr_keyed_scan **out, pyr_error *error) {
    static const pyr_keyed_scan_options defaults = {0};
    options = options != NULL ? options : &defaults;
    *out = NULL;
    assert(table->keyed != NULL);
    pyr_keyed_scan *scan = calloc(1, sizeof(*scan));
    if (scan == NULL) {
        return pyr_error_memory(error, sizeof(*scan));
    }
    scan->table = pyr_table_retain(table);
    scan->ledger = options->ledger;
    scan->budget = options->budget != NULL ? pyr_budget_retain(options->budget) : NULL;
    scan->batch_rows = options->batch_rows > 0 ? (size_t)options->batch_rows : BATCH_ROWS;
    scan->view = pyr_keyed_rows_view(table->keyed->rows);
    pyr_text_init(&scan->next);
    pyr_text_init(&scan->upper);
    pyr_keyed_gathered_init(&scan->gathered);
    set_bounds(scan, options->range);
    pyr_status status = pyr_text_check(&scan->next, error);
    if (status == PYR_OK) {
        status = pyr_text_check(&scan->upper, error);
    }
    if (status == PYR_OK) {
        status = pyr_keyed_columns_init(&scan->columns, table, options->columns,
                                        options->columns_count, error);
    }
    if (status != PYR_OK) {
        pyr_keyed_scan_destroy(scan);
        return status;
    }
    *out = scan;
    return PYR_OK;
}

void pyr_keyed_scan_destroy(pyr_keyed_scan *scan) {
    if (scan == NULL) {
        return;
    }
    pyr_keyed_columns_deinit(&scan->columns);
    pyr_keyed_gathered_deinit(&scan->gathered);
    pyr_text_deinit(&scan->next);
    pyr_text_deinit(&scan->upper);
    pyr_lsm_view_release(scan->view);
    pyr_budget_release(scan->budget);
    pyr_table_release(scan->table);
    free(scan);
}

pyr_schema *pyr_keyed_scan_schema(const pyr_keyed_scan *scan) {
    return scan->columns.schema;
}

static bool is_full(const pyr_keyed_scan *scan) {
    return scan->gathered.count >= scan->batch_rows ||
           scan->gathered.bytes.length >= BATCH_BYTES_MAX;
}

/* The change's next row, as the version sees it. NULL: the version does not see it written. */
static pyr_status take_written(pyr_keyed_scan *scan, pyr_error *error) {
    const keyed_node *node = scan->written;
    const keyed_version *version = pyr_keyed_node_at(node, scan->table->keyed->sequence);
    scan->written = node->next[0];
    return version == NULL || version->deleted
               ? PYR_OK
               : pyr_keyed_gather(&scan->gathered, node->key, node->key_size, version->value,
                                  version->size, error);
}

/* Of the change's rows those below key; NULL: below the scan's end. */
static pyr_status take_written_below(pyr_keyed_scan *scan, const char *key, size_t size,
                                     pyr_error *error) {
    while (scan->written != NULL && !is_full(scan) &&
           pyr_keyed_compare(scan->written->key, scan->written->key_size, key, size) < 0) {
        PYR_TRY(take_written(scan, error));
    }
    return PYR_OK;
}

static bool is_written(const pyr_keyed_scan *scan, const char *key, size_t size) {
    return scan->written != NULL &&
           pyr_keyed_compare(scan->written->key, scan->written->key_size, key, size) == 0 &&
           pyr_keyed_node_at(scan->written, scan->table->keyed->sequence) != NULL;
}

static pyr_status take_pair(void *context, const char *key, size_t key_size, const char *value,
                            size_t value_size, bool *more, pyr_error *error) {
    pyr_keyed_scan *scan = context;
    keyed_value row;
    key += scan->prefix_size;
    key_size -= scan->prefix_size;
    PYR_TRY(take_written_below(scan, key, key_size, error));
    if (is_full(scan)) {
        *more = false; /* this row begins the next batch */
        return PYR_OK;
    }
    if (is_written(scan, key, key_size)) {
        PYR_TRY(take_written(scan, error));
    } else if (!pyr_keyed_parse_row(value, value_size, &row)) {
        return pyr_keyed_corrupt(scan->table->name, "its first bytes", error);
    } else {
        PYR_TRY(pyr_keyed_gather(&scan->gathered, key, key_size, row.data, row.size, error));
    }
    *more = !is_full(scan);
    return PYR_OK;
}

static pyr_status gather_rows(pyr_keyed_scan *scan, pyr_error *error) {
    pyr_lsm_bytes lower = {scan->next.data, scan->next.length};
    pyr_lsm_bytes upper = {scan->upper.data, scan->upper.length};
    if (scan->view != NULL) {
        PYR_TRY(pyr_lsm_view_range(scan->view, lower, upper, take_pair, scan, error));
    }
    while (scan->written != NULL && !is_full(scan)) {
        bool below =
            !scan->bounded || pyr_keyed_compare(scan->written->key, scan->written->key_size,
                                                scan->upper.data + scan->prefix_size,
                                                scan->upper.length - scan->prefix_size) < 0;
        if (!below) {
            scan->written = NULL;
            break;
        }
        PYR_TRY(take_written(scan, error));
    }
    return PYR_OK;
}

/* The scan goes on behind the last row: with the smallest key above it. */
static pyr_status move_on(pyr_keyed_scan *scan, pyr_error *error) {
    if (!is_full(scan)) {
        scan->done = true;
        return PYR_OK;
    }
    const struct keyed_gathered_row *last = &scan->gathered.rows[scan->gathered.count - 1];
    scan->next.length = scan->prefix_size;
    pyr_text_append(&scan->next, scan->gathered.bytes.data + last->key, last->key_size);
    pyr_text_add_char(&scan->next, '\0');
    return pyr_text_check(&scan->next, error);
}

static pyr_status gather_batch(pyr_keyed_scan *scan, pyr_error *error) {
    pyr_keyed_writes *writes = scan->table->keyed->writes;
    pyr_keyed_gathered_clear(&scan->gathered);
    scan->written = NULL;
    if (writes == NULL) {
        return gather_rows(scan, error);
    }
    pthread_rwlock_rdlock(&writes->lock);
    scan->written = pyr_keyed_node_seek(&writes->lists[0], scan->next.data + scan->prefix_size,
                                        scan->next.length - scan->prefix_size);
    pyr_status status = gather_rows(scan, error);
    pthread_rwlock_unlock(&writes->lock);
    return status;
}

pyr_status pyr_keyed_scan_next(pyr_keyed_scan *scan, pyr_batch **out, pyr_error *error) {
    *out = NULL;
    if (scan->done) {
        return PYR_OK;
    }
    PYR_TRY(gather_batch(scan, error));
    PYR_TRY(move_on(scan, error));
    if (scan->gathered.count == 0) {
        return PYR_OK;
    }
    pyr_ledger_add_scanned(scan->ledger, (int64_t)scan->gathered.bytes.length);
    return pyr_keyed_decode(&scan->columns, scan->table->name, &scan->gathered, scan->ledger,
                            scan->budget, out, error);
}
