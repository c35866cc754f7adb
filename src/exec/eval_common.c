/* eval_common.c - what the families of operations share: which family an operation is of, errors,
 * values in words, bytes of strings. */
#include "exec/eval_internal.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

pyr_status pyr_eval_choose(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    pyr_op op = node->expression->op;
    if (op <= PYR_OP_SHIFT_RIGHT && op != PYR_OP_ABS) {
        return pyr_eval_choose_arithmetic(eval, node, error);
    }
    if (op <= PYR_OP_SIGN) {
        return pyr_eval_choose_math(eval, node, error);
    }
    if (op <= PYR_OP_LEAST) {
        return pyr_eval_choose_compare(eval, node, error);
    }
    if (op == PYR_OP_IN) {
        return pyr_eval_choose_in(eval, node, error);
    }
    if (op <= PYR_OP_CONTAINS) {
        return pyr_eval_choose_like(eval, node, error);
    }
    if (op <= PYR_OP_REGEXP_EXTRACT) {
        return pyr_eval_choose_regexp(eval, node, error);
    }
    if (op <= PYR_OP_CHR) {
        return pyr_eval_choose_text(eval, node, error);
    }
    if (op <= PYR_OP_MAKE_DATE) {
        return pyr_eval_choose_date(eval, node, error);
    }
    if (op == PYR_OP_NOT) {
        return pyr_eval_choose_logic(eval, node, error);
    }
    return pyr_eval_choose_cast(eval, node, error);
}

pyr_status pyr_eval_error(const pyr_eval_node *node, const char *sqlstate, pyr_error *error,
                          const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return pyr_error_set_sql(error, PYR_ERROR_SQL, sqlstate, node->expression->offset, "%s",
                             message);
}

pyr_status pyr_eval_not_supported(const pyr_eval_node *node, const char *what, pyr_error *error) {
    pyr_text types;
    pyr_text_init(&types);
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        char room[24];
        pyr_text_printf(&types, "%s%s", i > 0 ? ", " : "",
                        pyr_sql_type_name(node->arguments[i]->expression->type, room));
    }
    pyr_status status = pyr_error_set_sql(
        error, PYR_ERROR_NOT_SUPPORTED, "0A000", node->expression->offset,
        "%s (%s) is not covered by the native engine", what, pyr_text_get(&types));
    pyr_text_deinit(&types);
    return status;
}

const char *pyr_eval_physical_name(pyr_physical physical) {
    static const char *const names[PYR_PHYSICALS_COUNT] = {
        "BOOL",   "INT8",   "INT16",  "INT32", "INT64",  "UINT8",   "UINT16",
        "UINT32", "UINT64", "INT128", "FLOAT", "DOUBLE", "VARCHAR", "INTERVAL"};
    return names[physical];
}

size_t pyr_eval_print_i128(pyr_i128 value, char *room) {
    char digits[48];
    size_t count = 0, length = 0;
    pyr_u128 rest = value < 0 ? (pyr_u128)0 - (pyr_u128)value : (pyr_u128)value;
    do {
        digits[count++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (value < 0) {
        room[length++] = '-';
    }
    while (count > 0) {
        room[length++] = digits[--count];
    }
    room[length] = '\0';
    return length;
}

const char *pyr_eval_print(const pyr_vector *v, int32_t row, char room[64]) {
    int32_t i = v->constant ? 0 : row;
    const void *d = v->data;
    pyr_text text;
    pyr_text_init(&text);
    room[0] = '\0';
    switch (v->physical) {
    case PYR_PHYSICAL_BIT:
        return (pyr_bits_word(v, i >> 6) >> (i & 63)) & 1 ? "true" : "false";
    case PYR_PHYSICAL_I8:
        snprintf(room, 64, "%d", ((const int8_t *)d)[i]);
        break;
    case PYR_PHYSICAL_I16:
        snprintf(room, 64, "%d", ((const int16_t *)d)[i]);
        break;
    case PYR_PHYSICAL_I32:
        snprintf(room, 64, "%d", ((const int32_t *)d)[i]);
        break;
    case PYR_PHYSICAL_I64:
        snprintf(room, 64, "%" PRId64, ((const int64_t *)d)[i]);
        break;
    case PYR_PHYSICAL_U8:
        snprintf(room, 64, "%u", ((const uint8_t *)d)[i]);
        break;
    case PYR_PHYSICAL_U16:
        snprintf(room, 64, "%u", ((const uint16_t *)d)[i]);
        break;
    case PYR_PHYSICAL_U32:
        snprintf(room, 64, "%u", ((const uint32_t *)d)[i]);
        break;
    case PYR_PHYSICAL_U64:
        snprintf(room, 64, "%" PRIu64, ((const uint64_t *)d)[i]);
        break;
    case PYR_PHYSICAL_I128:
        (void)pyr_eval_print_i128(((const pyr_i128_any *)d)[i], room);
        break;
    case PYR_PHYSICAL_F32:
        pyr_text_add_float(&text, ((const float *)d)[i]);
        break;
    case PYR_PHYSICAL_F64:
        pyr_text_add_double(&text, ((const double *)d)[i]);
        break;
    default:
        break;
    }
    if (v->physical == PYR_PHYSICAL_F32 || v->physical == PYR_PHYSICAL_F64) {
        snprintf(room, 64, "%s", pyr_text_get(&text));
    }
    pyr_text_deinit(&text);
    return room;
}

pyr_status pyr_eval_value(const pyr_vector *v, int32_t row, pyr_arena *arena, pyr_value *out,
                          pyr_error *error) {
    int32_t i = v->constant ? 0 : row;
    const void *d = v->data;
    switch (v->physical) {
    case PYR_PHYSICAL_BIT:
        out->boolean = (((const uint64_t *)d)[i >> 6] >> (i & 63)) & 1;
        break;
    case PYR_PHYSICAL_I8:
        out->i64 = ((const int8_t *)d)[i];
        break;
    case PYR_PHYSICAL_I16:
        out->i64 = ((const int16_t *)d)[i];
        break;
    case PYR_PHYSICAL_I32:
        out->i64 = ((const int32_t *)d)[i];
        break;
    case PYR_PHYSICAL_I64:
        out->i64 = ((const int64_t *)d)[i];
        break;
    case PYR_PHYSICAL_U8:
        out->u64 = ((const uint8_t *)d)[i];
        break;
    case PYR_PHYSICAL_U16:
        out->u64 = ((const uint16_t *)d)[i];
        break;
    case PYR_PHYSICAL_U32:
        out->u64 = ((const uint32_t *)d)[i];
        break;
    case PYR_PHYSICAL_U64:
        out->u64 = ((const uint64_t *)d)[i];
        break;
    case PYR_PHYSICAL_I128:
        out->i128 = ((const pyr_i128_any *)d)[i];
        break;
    case PYR_PHYSICAL_F32:
        out->f64 = (double)((const float *)d)[i];
        break;
    case PYR_PHYSICAL_F64:
        out->f64 = ((const double *)d)[i];
        break;
    case PYR_PHYSICAL_INTERVAL:
        out->interval = ((const pyr_interval *)d)[i];
        break;
    default: {
        pyr_string s = pyr_vector_string(v, row);
        char *copy =
            pyr_arena_strndup(arena, s.length > 0 ? (const char *)s.bytes : "", (size_t)s.length);
        if (copy == NULL) {
            return pyr_arena_error(arena, error);
        }
        out->string.bytes = (const uint8_t *)copy;
        out->string.length = s.length;
        break;
    }
    }
    return PYR_OK;
}

pyr_status pyr_eval_cleanup_add(pyr_eval *eval, void (*run)(void *), void *what, pyr_error *error) {
    pyr_eval_cleanup *cleanup = pyr_arena_alloc(&eval->arena, sizeof *cleanup);
    if (cleanup == NULL) {
        run(what);
        return pyr_arena_error(&eval->arena, error);
    }
    cleanup->run = run;
    cleanup->what = what;
    cleanup->next = eval->cleanups;
    eval->cleanups = cleanup;
    return PYR_OK;
}

#define TEXT_BLOCK_BYTES ((size_t)64 << 10)

uint8_t *pyr_eval_text(pyr_eval *eval, size_t size) {
    pyr_text_pool *pool = &eval->text;
    while (pool->current != NULL && pool->current->size - pool->used < size) {
        if (pool->current->next == NULL) {
            break;
        }
        pool->current = pool->current->next;
        pool->used = 0;
    }
    if (pool->current == NULL || pool->current->size - pool->used < size) {
        size_t bytes = size > TEXT_BLOCK_BYTES ? size : TEXT_BLOCK_BYTES;
        pyr_text_block *block = pyr_arena_alloc(&eval->arena, sizeof *block + bytes);
        if (block == NULL) {
            return NULL;
        }
        block->size = bytes;
        block->next = NULL;
        if (pool->current == NULL) {
            pool->first = block;
        } else {
            pool->current->next = block;
        }
        pool->current = block;
        pool->used = 0;
    }
    uint8_t *bytes = pool->current->bytes + pool->used;
    pool->used += size;
    return bytes;
}
