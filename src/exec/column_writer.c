/* column_writer.c - one dense Arrow column from the selected rows of vectors. */
#include "base/bits.h"
#include "exec/exec_internal.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 2 * PYR_VECTOR_ROWS };

void pyr_column_writer_init(pyr_column_writer *writer, pyr_field *field, pyr_physical physical,
                            pyr_copy_reason reason, pyr_query_ledger *ledger, pyr_budget *budget) {
    memset(writer, 0, sizeof(*writer));
    writer->field = field;
    writer->physical = physical;
    writer->reason = reason;
    writer->first_rows = FIRST_ROWS;
    writer->ledger = ledger;
    writer->budget = budget;
}

void pyr_column_writer_deinit(pyr_column_writer *writer) {
    pyr_buffer_release(writer->validity);
    pyr_buffer_release(writer->values);
    pyr_buffer_release(writer->bytes);
    writer->validity = NULL;
    writer->values = NULL;
    writer->bytes = NULL;
    writer->rows = 0;
    writer->nulls = 0;
    writer->used_bytes = 0;
}

/* Makes room for size_bytes in all, keeping what is there. */
static pyr_status reserve(pyr_column_writer *writer, pyr_buffer **buffer, size_t used,
                          size_t size_bytes, pyr_error *error) {
    if (*buffer != NULL && (*buffer)->size_bytes >= size_bytes) {
        return PYR_OK;
    }
    size_t larger = *buffer != NULL ? 2 * (*buffer)->size_bytes : 0;
    pyr_buffer *grown = NULL;
    PYR_TRY(pyr_buffer_create_raw(larger > size_bytes ? larger : size_bytes, writer->budget, &grown,
                                  error));
    if (used > 0) {
        pyr_ledger_copy(writer->ledger, writer->reason, pyr_buffer_mutable(grown), (*buffer)->data,
                        used);
    }
    pyr_buffer_release(*buffer);
    *buffer = grown;
    return PYR_OK;
}

static pyr_status reserve_values(pyr_column_writer *writer, int64_t count, size_t width,
                                 pyr_error *error) {
    int64_t rows =
        writer->rows + count > writer->first_rows ? writer->rows + count : writer->first_rows;
    /* Kernels write whole vectors: 64 bytes more. */
    return reserve(writer, &writer->values, (size_t)writer->rows * width,
                   (size_t)(rows + 1) * width + 64, error);
}

/* ---- Validity. ---- */

static bool row_is_valid(const pyr_vector *vector, int32_t row) {
    return !pyr_vector_is_null(vector, row);
}

static pyr_status add_validity(pyr_column_writer *writer, const pyr_vector *vector,
                               const uint16_t *rows, int32_t count, pyr_error *error) {
    if (vector->validity == NULL && writer->validity == NULL) {
        return PYR_OK;
    }
    bool first = writer->validity == NULL;
    int64_t capacity =
        writer->rows + count > writer->first_rows ? writer->rows + count : writer->first_rows;
    PYR_TRY(reserve(writer, &writer->validity,
                    first ? 0 : (size_t)pyr_bits_size_bytes(writer->rows),
                    (size_t)pyr_bits_size_bytes(capacity) + 8, error));
    uint8_t *bits = pyr_buffer_mutable(writer->validity);
    if (first) {
        pyr_bits_fill(bits, 0, writer->rows, true);
    }
    if (vector->validity == NULL) {
        pyr_bits_fill(bits, writer->rows, count, true);
        return PYR_OK;
    }
    for (int32_t i = 0; i < count; ++i) {
        bool valid = row_is_valid(vector, rows != NULL ? rows[i] : i);
        pyr_bit_put(bits, writer->rows + i, valid);
        writer->nulls += !valid;
    }
    pyr_ledger_add_copy(writer->ledger, writer->reason, pyr_bits_size_bytes(count));
    return PYR_OK;
}

/* ---- Values. ---- */

static pyr_status add_bits(pyr_column_writer *writer, const pyr_vector *vector,
                           const uint16_t *rows, int32_t count, pyr_error *error) {
    int64_t capacity =
        writer->rows + count > writer->first_rows ? writer->rows + count : writer->first_rows;
    PYR_TRY(reserve(writer, &writer->values, (size_t)pyr_bits_size_bytes(writer->rows),
                    (size_t)pyr_bits_size_bytes(capacity) + 8, error));
    uint8_t *bits = pyr_buffer_mutable(writer->values);
    const uint8_t *from = vector->data;
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = vector->constant ? 0 : rows != NULL ? rows[i] : i;
        pyr_bit_put(bits, writer->rows + i, pyr_bit_get(from, row));
    }
    pyr_ledger_add_copy(writer->ledger, writer->reason, pyr_bits_size_bytes(count));
    return PYR_OK;
}

static void fill(uint8_t *to, const void *value, size_t width, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        memcpy(to + (size_t)i * width, value, width);
    }
}

static pyr_status add_fixed(pyr_column_writer *writer, const pyr_vector *vector,
                            const uint16_t *rows, int32_t count, pyr_error *error) {
    size_t width = pyr_physical_bytes(writer->physical);
    PYR_TRY(reserve_values(writer, count, width, error));
    uint8_t *to = pyr_buffer_mutable(writer->values) + (size_t)writer->rows * width;
    size_t bytes = (size_t)count * width;
    if (vector->constant) {
        fill(to, vector->data, width, count);
        pyr_ledger_add_copy(writer->ledger, writer->reason, (int64_t)bytes);
    } else if (rows == NULL) {
        pyr_ledger_copy(writer->ledger, writer->reason, to, vector->data, bytes);
    } else {
        pyr_kernels_get()->gather[__builtin_ctzl(width)](vector->data, rows, count, to);
        pyr_ledger_add_copy(writer->ledger, writer->reason, (int64_t)bytes);
    }
    return PYR_OK;
}

static int64_t string_bytes(const pyr_vector *vector, const uint16_t *rows, int32_t count) {
    int64_t total = 0;
    if (vector->offsets != NULL && rows == NULL && vector->validity == NULL) {
        return vector->offsets[count] - vector->offsets[0];
    }
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = rows != NULL ? rows[i] : i;
        if (row_is_valid(vector, row)) {
            total += (int64_t)pyr_vector_string(vector, row).length;
        }
    }
    return total;
}

bool pyr_column_writer_fits(const pyr_column_writer *writer, const pyr_vector *vector,
                            const uint16_t *rows, int32_t count) {
    return writer->physical != PYR_PHYSICAL_STRING ||
           (int64_t)writer->used_bytes + string_bytes(vector, rows, count) <= INT32_MAX;
}

static pyr_status add_strings(pyr_column_writer *writer, const pyr_vector *vector,
                              const uint16_t *rows, int32_t count, pyr_error *error) {
    int64_t more = string_bytes(vector, rows, count);
    if ((int64_t)writer->used_bytes + more > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT,
                             "a vector of texts of more than 2 GB together");
    }
    PYR_TRY(reserve_values(writer, count, sizeof(int32_t), error));
    PYR_TRY(reserve(writer, &writer->bytes, writer->used_bytes,
                    writer->used_bytes + (size_t)more + 1, error));
    int32_t *offsets = (int32_t *)pyr_buffer_mutable(writer->values) + writer->rows;
    uint8_t *bytes = pyr_buffer_mutable(writer->bytes);
    size_t used = writer->used_bytes;
    offsets[0] = (int32_t)used;
    for (int32_t i = 0; i < count; ++i) {
        int32_t row = rows != NULL ? rows[i] : i;
        if (row_is_valid(vector, row)) {
            pyr_string value = pyr_vector_string(vector, row);
            if (value.length > 0) {
                memcpy(bytes + used, value.bytes, value.length);
            }
            used += value.length;
        }
        offsets[i + 1] = (int32_t)used;
    }
    writer->used_bytes = used;
    pyr_ledger_add_copy(writer->ledger, writer->reason, more + (int64_t)sizeof(int32_t) * count);
    return PYR_OK;
}

pyr_status pyr_column_writer_add(pyr_column_writer *writer, const pyr_vector *vector,
                                 const uint16_t *rows, int32_t count, pyr_error *error) {
    PYR_TRY(add_validity(writer, vector, rows, count, error));
    switch (writer->physical) {
    case PYR_PHYSICAL_BIT:
        PYR_TRY(add_bits(writer, vector, rows, count, error));
        break;
    case PYR_PHYSICAL_STRING:
        PYR_TRY(add_strings(writer, vector, rows, count, error));
        break;
    default:
        PYR_TRY(add_fixed(writer, vector, rows, count, error));
        break;
    }
    writer->rows += count;
    return PYR_OK;
}

pyr_status pyr_column_writer_finish(pyr_column_writer *writer, pyr_array **out, pyr_error *error) {
    pyr_buffer *buffers[3] = {writer->nulls > 0 ? writer->validity : NULL, writer->values,
                              writer->bytes};
    if (writer->values != NULL && writer->physical == PYR_PHYSICAL_STRING) {
        pyr_buffer_set_size(writer->values, (size_t)(writer->rows + 1) * sizeof(int32_t));
        pyr_buffer_set_size(writer->bytes, writer->used_bytes);
    }
    pyr_status status = pyr_array_create(writer->field, writer->rows, 0, writer->nulls, buffers,
                                         writer->physical == PYR_PHYSICAL_STRING ? 3 : 2, NULL, 0,
                                         NULL, out, error);
    pyr_column_writer_deinit(writer);
    return status;
}
