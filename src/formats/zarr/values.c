/* values.c - a chunk's block as an Arrow array: by reference where the layouts are the same.
 *
 * What all of an array's missing chunks share is made once, and kept with the array.
 */
#include "formats/zarr/zarr_internal.h"

#include "base/mapping.h"

#include <assert.h>
#include <string.h>

/* ---- Types. ---- */

static pyr_type_id number_id(const zarr_type *type) {
    static const pyr_type_id ints[] = {PYR_TYPE_INT8, PYR_TYPE_INT16, PYR_TYPE_INT32,
                                       PYR_TYPE_INT64};
    static const pyr_type_id uints[] = {PYR_TYPE_UINT8, PYR_TYPE_UINT16, PYR_TYPE_UINT32,
                                        PYR_TYPE_UINT64};
    int log = type->item_bytes == 1 ? 0 : type->item_bytes == 2 ? 1 : type->item_bytes == 4 ? 2 : 3;
    if (type->kind == PYR_ZARR_INT) {
        return ints[log];
    }
    if (type->kind == PYR_ZARR_UINT) {
        return uints[log];
    }
    return log == 1 ? PYR_TYPE_FLOAT16 : log == 2 ? PYR_TYPE_FLOAT32 : PYR_TYPE_FLOAT64;
}

static pyr_time_unit time_unit(zarr_unit unit) {
    switch (unit) {
    case ZARR_UNIT_NANOSECOND:
        return PYR_UNIT_NANOSECOND;
    case ZARR_UNIT_MICROSECOND:
        return PYR_UNIT_MICROSECOND;
    case ZARR_UNIT_MILLISECOND:
        return PYR_UNIT_MILLISECOND;
    default:
        return PYR_UNIT_SECOND;
    }
}

static pyr_status complex_field(const zarr_type *type, const char *name, pyr_field **out,
                                pyr_error *error) {
    pyr_field *part;
    PYR_TRY(pyr_field_create("item", type->item_bytes == 8 ? PYR_TYPE_FLOAT32 : PYR_TYPE_FLOAT64,
                             &part, error));
    pyr_status status =
        pyr_field_create_nested(name, PYR_TYPE_FIXED_SIZE_LIST, 2, &part, 1, out, error);
    pyr_field_release(part);
    return status;
}

pyr_status pyr_zarr_array_field(pyr_zarr_array *array, const char *name, bool decode_cf,
                                pyr_field **out, pyr_error *error) {
    const zarr_type *type = &array->type;
    *out = NULL;
    PYR_TRY(pyr_zarr_array_check(array, error));
    if (decode_cf && array->cf.time) {
        return pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, PYR_UNIT_MICROSECOND, NULL, out,
                                     error);
    }
    if (decode_cf && array->cf.packed) {
        return pyr_field_create(name, PYR_TYPE_FLOAT64, out, error);
    }
    switch (type->kind) {
    case PYR_ZARR_BOOL:
        return pyr_field_create(name, PYR_TYPE_BOOL, out, error);
    case PYR_ZARR_INT:
    case PYR_ZARR_UINT:
    case PYR_ZARR_FLOAT:
        return pyr_field_create(name, number_id(type), out, error);
    case PYR_ZARR_COMPLEX:
        return complex_field(type, name, out, error);
    case PYR_ZARR_RAW:
        return pyr_field_create_fixed_size_binary(name, type->item_bytes, out, error);
    case PYR_ZARR_BYTES:
    case PYR_ZARR_BINARY:
        return pyr_field_create(name, PYR_TYPE_BINARY, out, error);
    case PYR_ZARR_DATETIME:
        return pyr_field_create_time(name, PYR_TYPE_TIMESTAMP, time_unit(type->unit), NULL, out,
                                     error);
    case PYR_ZARR_TIMEDELTA:
        return pyr_field_create_time(name, PYR_TYPE_DURATION, time_unit(type->unit), NULL, out,
                                     error);
    default:
        return pyr_field_create(name, PYR_TYPE_UTF8, out, error);
    }
}

/* ---- By reference. ---- */

/* Validity where a block of times has NaT, else NULL. */
static pyr_status nat_validity(const zarr_type *type, const uint8_t *bytes, int64_t count,
                               pyr_budget *budget, pyr_buffer **out, int64_t *nulls,
                               pyr_error *error) {
    *out = NULL;
    *nulls = 0;
    if (type->kind != PYR_ZARR_DATETIME && type->kind != PYR_ZARR_TIMEDELTA) {
        return PYR_OK;
    }
    uint8_t *bits = NULL;
    for (int64_t i = 0; i < count; ++i) {
        int64_t value;
        memcpy(&value, bytes + i * 8, sizeof(value));
        if (value != INT64_MIN) {
            continue;
        }
        if (bits == NULL) {
            PYR_TRY(pyr_buffer_create((size_t)pyr_bits_size_bytes(count), budget, out, error));
            bits = pyr_buffer_mutable(*out);
            pyr_bits_fill(bits, 0, count, true);
        }
        pyr_bit_clear(bits, i);
        ++*nulls;
    }
    return PYR_OK;
}

static pyr_status make_array(pyr_field *field, int64_t count, pyr_buffer *validity, int64_t nulls,
                             pyr_buffer *data, pyr_array **out, pyr_error *error) {
    pyr_buffer *buffers[2] = {validity, data};
    if (field->type != PYR_TYPE_FIXED_SIZE_LIST) {
        return pyr_array_create(field, count, 0, nulls, buffers, 2, NULL, 0, NULL, out, error);
    }
    pyr_buffer *part_buffers[2] = {NULL, data};
    pyr_array *part;
    PYR_TRY(pyr_array_create(field->children[0], count * 2, 0, 0, part_buffers, 2, NULL, 0, NULL,
                             &part, error));
    pyr_status status =
        pyr_array_create(field, count, 0, nulls, &validity, 1, &part, 1, NULL, out, error);
    pyr_array_release(part);
    return status;
}

/* The block's values [first, first + count) as they lie; copied where the address does not suit the
 * type. */
static pyr_status by_reference(const pyr_zarr_array *array, pyr_field *field, pyr_buffer *block,
                               int64_t first, int64_t count, pyr_query_ledger *ledger,
                               pyr_budget *budget, pyr_array **out, pyr_error *error) {
    const zarr_type *type = &array->type;
    size_t size = (size_t)count * (size_t)type->item_bytes;
    size_t at = (size_t)first * (size_t)type->item_bytes;
    pyr_buffer *data = NULL, *validity = NULL;
    int64_t nulls;
    if (count > 0 && (uintptr_t)(block->data + at) % (size_t)type->swap_bytes != 0) {
        PYR_TRY(pyr_buffer_create_raw(size, budget, &data, error));
        pyr_ledger_copy(ledger, PYR_COPY_ALIGN, pyr_buffer_mutable(data), block->data + at, size);
    } else {
        PYR_TRY(pyr_buffer_slice(block, at, size, &data, error));
    }
    pyr_status status = nat_validity(type, data->data, count, budget, &validity, &nulls, error);
    if (status == PYR_OK) {
        status = make_array(field, count, validity, nulls, data, out, error);
    }
    pyr_buffer_release(data);
    pyr_buffer_release(validity);
    return status;
}

static pyr_status block_values(const pyr_zarr_array *array, pyr_field *field, pyr_buffer *block,
                               int64_t first, int64_t count, bool decode_cf,
                               pyr_query_ledger *ledger, pyr_budget *budget, pyr_array **out,
                               pyr_error *error) {
    const uint8_t *bytes = count > 0 ? block->data + first * array->type.item_bytes : NULL;
    if (decode_cf && (array->cf.packed || array->cf.time)) {
        return pyr_zarr_cf_decode(array, field, bytes, count, ledger, budget, out, error);
    }
    if (pyr_zarr_values_need_converting(&array->type)) {
        return pyr_zarr_values_convert(array, field, bytes, count, ledger, budget, out, error);
    }
    pyr_array *plain = NULL;
    PYR_TRY(by_reference(array, field, block, first, count, ledger, budget, &plain, error));
    if (!decode_cf || array->cf.missing_count == 0) {
        *out = plain;
        return PYR_OK;
    }
    pyr_buffer *validity = NULL;
    int64_t nulls;
    pyr_status status = pyr_zarr_cf_validity(array, bytes, count, budget, &validity, &nulls, error);
    if (status == PYR_OK) {
        status = make_array(field, count, validity, nulls, plain->buffers[1], out, error);
    }
    pyr_buffer_release(validity);
    pyr_array_release(plain);
    return status;
}

/* ---- Missing chunks. ---- */

static pyr_status text_fill(const pyr_zarr_array *array, pyr_field *field, int64_t count,
                            pyr_array **out, pyr_error *error) {
    pyr_buffer *buffers[3] = {NULL, NULL, NULL};
    size_t length = array->fill.size_bytes;
    if (length > (size_t)INT32_MAX / (size_t)(count + 1)) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "%lld fill values of %zu bytes",
                             (long long)count, length);
    }
    PYR_TRY(pyr_buffer_create_raw(((size_t)count + 1) * sizeof(int32_t), array->budget, &buffers[1],
                                  error));
    pyr_status status =
        pyr_buffer_create_raw((size_t)count * length, array->budget, &buffers[2], error);
    if (status == PYR_OK) {
        int32_t *offsets = (int32_t *)(void *)pyr_buffer_mutable(buffers[1]);
        for (int64_t i = 0; i <= count; ++i) {
            offsets[i] = (int32_t)((size_t)i * length);
        }
        for (int64_t i = 0; length > 0 && i < count; ++i) {
            memcpy(pyr_buffer_mutable(buffers[2]) + offsets[i], array->fill.bytes, length);
        }
        status = pyr_array_create(field, count, 0, 0, buffers, 3, NULL, 0, NULL, out, error);
    }
    pyr_buffer_release(buffers[1]);
    pyr_buffer_release(buffers[2]);
    return status;
}

static pyr_status make_fill(const pyr_zarr_array *array, pyr_field *field, int64_t count,
                            bool decode_cf, pyr_array **out, pyr_error *error) {
    const zarr_type *type = &array->type;
    pyr_buffer *block = NULL;
    if (type->item_bytes == 0) {
        return array->fill.defined ? text_fill(array, field, count, out, error)
                                   : pyr_array_create_null(field, count, array->budget, out, error);
    }
    size_t item = (size_t)type->item_bytes;
    PYR_TRY(pyr_buffer_create((size_t)count * item, array->budget, &block, error));
    if (count > 0 && !pyr_zarr_is_zero(array->fill.bytes, item)) {
        int64_t stride = type->item_bytes;
        pyr_zarr_strided_fill(1, &count, type->item_bytes, array->fill.bytes,
                              pyr_buffer_mutable(block), &stride);
    }
    pyr_status status =
        block_values(array, field, block, 0, count, decode_cf, NULL, array->budget, out, error);
    pyr_buffer_release(block);
    return status;
}

/* The shared array, retained, or NULL where it is not there or too short. */
static pyr_array *shared_fill(pyr_zarr_array *array, bool decode_cf, int64_t count,
                              pyr_array *made) {
    pyr_array *before = NULL, *found = NULL;
    pthread_mutex_lock(&array->lock);
    pyr_array **slot = &array->fill_values[decode_cf];
    if (made != NULL && (*slot == NULL || (*slot)->length < made->length)) {
        before = *slot;
        *slot = pyr_array_retain(made);
    }
    if (*slot != NULL && (*slot)->length >= count) {
        found = pyr_array_retain(*slot);
    }
    pthread_mutex_unlock(&array->lock);
    pyr_array_release(before);
    return found;
}

static pyr_status fill_values(pyr_zarr_array *array, pyr_field *field, int64_t count,
                              bool decode_cf, pyr_array **out, pyr_error *error) {
    pyr_array *shared = shared_fill(array, decode_cf, count, NULL);
    if (shared == NULL) {
        PYR_TRY(make_fill(array, field, count, decode_cf, &shared, error));
        if (count <= PYR_ZARR_BATCH_ROWS_MAX) {
            pyr_array_release(shared_fill(array, decode_cf, count, shared));
        }
    }
    pyr_status status = pyr_array_slice(shared, 0, count, out, error);
    pyr_array_release(shared);
    return status;
}

pyr_status pyr_zarr_chunk_values(pyr_zarr_array *array, const pyr_zarr_chunk *chunk, int64_t first,
                                 int64_t count, bool decode_cf, pyr_query_ledger *ledger,
                                 pyr_budget *budget, pyr_array **out, pyr_error *error) {
    pyr_field *field;
    *out = NULL;
    assert(first >= 0 && count >= 0 && count <= chunk->count - first);
    PYR_TRY(pyr_zarr_array_check(array, error));
    if (chunk->values != NULL) {
        return pyr_array_slice(chunk->values, first, count, out, error);
    }
    PYR_TRY(pyr_zarr_array_field(array, "", decode_cf, &field, error));
    pyr_status status = chunk->missing ? fill_values(array, field, count, decode_cf, out, error)
                                       : block_values(array, field, chunk->bytes, first, count,
                                                      decode_cf, ledger, budget, out, error);
    if (status == PYR_OK && !chunk->missing) {
        /* The block may be a mapping's, and what was made of it is new memory, which no later check
         * of the array's buffers would find to be zeros of a page that had faulted. */
        status = pyr_mapping_check(chunk->bytes->mapping, error);
        if (status != PYR_OK) {
            pyr_array_release(*out);
            *out = NULL;
        }
    }
    pyr_field_release(field);
    return status == PYR_OK ? PYR_OK : pyr_zarr_array_context(array, status, error);
}
