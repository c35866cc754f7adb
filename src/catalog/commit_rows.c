/* commit_rows.c - see commit_rows.h. */
#include "catalog/commit_rows.h"

#include "catalog/segment_output.h"

bool pyr_change_has_only_rows(const pyr_change *change) {
    if (change->tables_count != 1 || change->objects_count > 0) {
        return false;
    }
    const pyr_table_change *own = &change->tables[0];
    return own->rows_count > 0 && own->appended_count == 0 && own->replacements_count == 0 &&
           own->deletions_count == 0 && own->created == NULL && own->altered == NULL &&
           !own->dropped && own->keyed == NULL;
}

/* So much of total falls to the bytes from `from` to `to` of `all`: the shares add up to it. */
static int64_t share(int64_t total, int64_t from, int64_t to, int64_t all) {
    return all > 0 ? total * to / all - total * from / all : 0;
}

static void share_out(const pyr_query_ledger *counted, pyr_table_change *const *changes,
                      size_t count, int64_t all) {
    int64_t from = 0;
    for (size_t i = 0; i < count; ++i) {
        int64_t to = from + changes[i]->rows_bytes;
        pyr_query_ledger *ledger = changes[i]->rows_ledger;
        for (int reason = 0; reason < PYR_COPY_REASONS_COUNT; ++reason) {
            int64_t bytes = atomic_load(&counted->copied[reason]);
            if (bytes > 0) {
                pyr_ledger_add_copy(ledger, (pyr_copy_reason)reason, share(bytes, from, to, all));
            }
        }
        pyr_ledger_add_encoded(ledger, share(atomic_load(&counted->bytes_encoded), from, to, all));
        from = to;
    }
}

static pyr_status write_rows(pyr_segment_output *output, pyr_table_change *const *changes,
                             size_t count, pyr_error *error) {
    for (size_t i = 0; i < count; ++i) {
        for (size_t j = 0; j < changes[i]->rows_count; ++j) {
            PYR_TRY(pyr_segment_output_batch(output, changes[i]->rows[j], error));
        }
    }
    return pyr_segment_output_seal(output, error);
}

pyr_status pyr_commit_rows_join(pyr_catalog *catalog, pyr_table *table,
                                pyr_table_change *const *changes, size_t count, pyr_segment **out,
                                pyr_error *error) {
    int64_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
        bytes += changes[i]->rows_bytes;
    }
    *out = NULL;
    pyr_query_ledger counted;
    pyr_ledger_init(&counted);
    pyr_segment_output output;
    pyr_segment_output_init(&output, catalog, table, false, &counted);
    /* Each was few when it came, and the group counts how much it joins. */
    output.hot_bytes_max = INT64_MAX;
    pyr_status status = write_rows(&output, changes, count, error);
    if (status == PYR_OK) {
        *out = pyr_segment_retain(output.sealed[0]);
        share_out(&counted, changes, count, bytes);
        pyr_segment_release(output.sealed[0]);
        output.sealed_count = 0;
    }
    pyr_segment_output_deinit(&output);
    return status;
}

pyr_status pyr_change_seal_rows(pyr_change *change, pyr_error *error) {
    for (size_t i = 0; i < change->tables_count; ++i) {
        pyr_table_change *own = &change->tables[i];
        if (own->rows_count == 0) {
            continue;
        }
        pyr_table *table = pyr_snapshot_find_id(change->base, own->id);
        if (table == NULL) {
            return pyr_error_set(error, PYR_ERROR_INTERNAL, "rows of a table that is not there");
        }
        pyr_segment *segment = NULL;
        PYR_TRY(pyr_commit_rows_join(change->catalog, table, &own, 1, &segment, error));
        pyr_status status = pyr_change_append(change, table, segment, error);
        pyr_segment_release(segment);
        PYR_TRY(status);
        pyr_table_change_drop_rows(own);
    }
    return PYR_OK;
}
