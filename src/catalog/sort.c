/* sort.c - a batch's rows in the order of a sort key: keys as bytes (key_codec.h), their order by
 * memcmp, then one gather a column. */
#include "catalog/compact_internal.h"

#include "storage/key_codec.h"

#include <stdlib.h>
#include <string.h>

typedef struct sort_key {
    const char *bytes; /* NULL until all of them are encoded: they move as they grow */
    size_t offset;
    size_t size;
    int32_t row;
} sort_key;

/* The columns named by 'a, b'; their count, or -1 with an error. */
static int32_t find_columns(const pyr_schema *schema, const char *text, int32_t *columns,
                            pyr_error *error) {
    int32_t count = 0;
    char *copy = strdup(text);
    char *rest = copy;
    const char *missing = NULL;
    for (char *name = strsep(&rest, ","); name != NULL && missing == NULL;
         name = strsep(&rest, ",")) {
        name += strspn(name, " \t");
        for (size_t end = strlen(name); end > 0 && (name[end - 1] == ' ' || name[end - 1] == '\t');
             --end) {
            name[end - 1] = '\0';
        }
        int32_t column = pyr_schema_find(schema, name, true);
        if (column < 0 || count == PYR_KEY_COLUMNS_MAX) {
            missing = name;
        } else {
            columns[count++] = column;
        }
    }
    if (copy == NULL || missing != NULL) {
        (void)!pyr_error_set_sql(error, PYR_ERROR_SQL, "42703", -1,
                                 "sort_key names \"%s\", which is no column",
                                 missing != NULL ? missing : text);
        count = -1;
    }
    free(copy);
    return count;
}

static int compare_keys(const void *left, const void *right) {
    const sort_key *a = left;
    const sort_key *b = right;
    size_t common = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, common);
    if (order == 0 && a->size != b->size) {
        order = a->size < b->size ? -1 : 1;
    }
    return order != 0 ? order : (a->row > b->row) - (a->row < b->row);
}

static pyr_status make_codec(const pyr_schema *schema, const int32_t *columns, int32_t count,
                             pyr_key_codec **out, pyr_error *error) {
    pyr_field *fields[PYR_KEY_COLUMNS_MAX];
    for (int32_t i = 0; i < count; ++i) {
        fields[i] = schema->fields[columns[i]];
    }
    return pyr_key_codec_create(fields, count, PYR_KEY_NULLS_LAST, out, error);
}

pyr_status pyr_sort_key_check(const pyr_schema *schema, const char *text, pyr_error *error) {
    int32_t columns[PYR_KEY_COLUMNS_MAX];
    pyr_key_codec *codec = NULL;
    int32_t count = find_columns(schema, text, columns, error);
    PYR_TRY(count < 0 ? PYR_ERROR_SQL : make_codec(schema, columns, count, &codec, error));
    pyr_key_codec_release(codec);
    return PYR_OK;
}

static pyr_status encode(const pyr_batch *batch, const int32_t *columns, int32_t count,
                         sort_key *keys, pyr_text *bytes, pyr_error *error) {
    pyr_key_codec *codec = NULL;
    PYR_TRY(make_codec(batch->schema, columns, count, &codec, error));
    pyr_status status = PYR_OK;
    for (int64_t row = 0; status == PYR_OK && row < batch->rows; ++row) {
        keys[row] = (sort_key){.offset = bytes->length, .row = (int32_t)row};
        status = pyr_key_encode(codec, batch, columns, count, row, bytes, error);
        keys[row].size = bytes->length - keys[row].offset;
    }
    for (int64_t row = 0; status == PYR_OK && row < batch->rows; ++row) {
        keys[row].bytes = bytes->data + keys[row].offset;
    }
    pyr_key_codec_release(codec);
    return status;
}

static pyr_status gather(const pyr_batch *batch, const int32_t *rows, pyr_query_ledger *ledger,
                         pyr_batch **out, pyr_error *error) {
    int32_t count = batch->columns_count;
    pyr_array **columns = calloc((size_t)count + 1, sizeof(*columns));
    if (columns == NULL) {
        return pyr_error_memory(error, (size_t)count * sizeof(*columns));
    }
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        status = pyr_array_take(batch->columns[i], rows, batch->rows, PYR_COPY_SORT, ledger, NULL,
                                &columns[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(batch->schema, batch->rows, columns, count, NULL, out, error);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_array_release(columns[i]);
    }
    free(columns);
    return status;
}

pyr_status pyr_sort_by_key(pyr_batch *batch, const char *sort_key_text, pyr_query_ledger *ledger,
                           pyr_batch **out, pyr_error *error) {
    int32_t columns[PYR_KEY_COLUMNS_MAX];
    *out = NULL;
    int32_t count = find_columns(batch->schema, sort_key_text, columns, error);
    if (count < 0) {
        return PYR_ERROR_SQL;
    }
    if (batch->rows > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "more than 2^31 rows to sort at once");
    }
    size_t rows_count = (size_t)batch->rows;
    sort_key *keys = calloc(rows_count + 1, sizeof(*keys));
    int32_t *rows = calloc(rows_count + 1, sizeof(*rows));
    pyr_text bytes;
    pyr_text_init(&bytes);
    pyr_status status = keys != NULL && rows != NULL
                            ? encode(batch, columns, count, keys, &bytes, error)
                            : pyr_error_memory(error, rows_count * sizeof(*keys));
    if (status == PYR_OK) {
        qsort(keys, rows_count, sizeof(*keys), compare_keys);
        for (size_t i = 0; i < rows_count; ++i) {
            rows[i] = keys[i].row;
        }
        status = gather(batch, rows, ledger, out, error);
    }
    pyr_text_deinit(&bytes);
    free(keys);
    free(rows);
    return status;
}
