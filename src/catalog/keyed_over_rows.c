/* keyed_over_rows.c - a table with keys that no catalog holds: all its rows are as if a change had
 * written them. See keyed.h. */
#include "catalog/keyed_internal.h"

#include <assert.h>

typedef struct writing {
    const pyr_keyed_shape *shape;
    pyr_keyed_writes *writes;
    pyr_row_encoder *encoder;
    pyr_text key, value;
} writing;

static pyr_status put_row(writing *self, const pyr_batch *rows, int64_t row, pyr_error *error) {
    bool null;
    bool fresh;
    keyed_node *node = NULL;
    pyr_text_clear(&self->key);
    pyr_text_clear(&self->value);
    PYR_TRY(pyr_keyed_encode(self->shape, PYR_KEYED_PRIMARY_KEY, rows, NULL, row, &self->key, &null,
                             error));
    PYR_TRY(pyr_row_encode(self->encoder, row, &self->value, error));
    assert(!null);
    PYR_TRY(pyr_keyed_node_add(self->writes, 0, pyr_text_get(&self->key), self->key.length, &node,
                               &fresh, error));
    assert(fresh);
    self->writes->rows += 1;
    self->writes->size_bytes += (int64_t)(self->key.length + self->value.length);
    return pyr_keyed_node_put(self->writes, node, pyr_text_get(&self->value), self->value.length,
                              error);
}

static pyr_status put_rows(const pyr_keyed_shape *shape, pyr_keyed_writes *writes, pyr_batch *rows,
                           pyr_query_ledger *ledger, pyr_error *error) {
    writing self = {.shape = shape, .writes = writes};
    pyr_text_init(&self.key);
    pyr_text_init(&self.value);
    pyr_status status = pyr_row_encoder_create(shape->layout, rows, NULL, &self.encoder, error);
    for (int64_t i = 0; status == PYR_OK && i < rows->rows; ++i) {
        status = put_row(&self, rows, i, error);
    }
    pyr_ledger_add_copy(ledger, PYR_COPY_APPEND, writes->size_bytes);
    pyr_row_encoder_destroy(self.encoder);
    pyr_text_deinit(&self.key);
    pyr_text_deinit(&self.value);
    return status;
}

pyr_status pyr_keyed_over_rows(const pyr_table_definition *definition, pyr_batch *rows,
                               pyr_query_ledger *ledger, pyr_table **out, pyr_error *error) {
    pyr_table *empty = NULL;
    keyed_next next = {.writes = NULL};
    *out = NULL;
    PYR_TRY(pyr_table_create(0, 0, definition, NULL, 0, &empty, error));
    assert(empty->keyed != NULL && empty->keyed->shape->codec != NULL &&
           empty->keyed->shape->uniques_count == 0);
    pyr_status status = pyr_keyed_writes_create(0, &next.writes, error);
    if (status == PYR_OK && rows != NULL) {
        assert(rows->selection == NULL);
        status = put_rows(empty->keyed->shape, next.writes, rows, ledger, error);
    }
    if (status == PYR_OK) {
        next.sequence = pyr_keyed_writes_mark(next.writes);
        next.rows = next.writes->rows;
        next.size_bytes = next.writes->size_bytes;
        status = pyr_keyed_next(empty, 0, &next, out, error);
    }
    pyr_keyed_writes_release(next.writes);
    pyr_table_release(empty);
    return status;
}
