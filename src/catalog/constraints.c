/* constraints.c - see constraints.h. */
#include "catalog/constraints.h"

#include "catalog/record_bytes.h"

#include <stdlib.h>
#include <string.h>

pyr_status pyr_constraints_create(int32_t columns_count, pyr_constraints **out, pyr_error *error) {
    *out = calloc(1, sizeof(**out));
    char **defaults = calloc((size_t)columns_count + 1, sizeof(*defaults));
    char **generated = calloc((size_t)columns_count + 1, sizeof(*generated));
    if (*out == NULL || defaults == NULL || generated == NULL) {
        free(*out);
        free(defaults);
        free(generated);
        *out = NULL;
        return pyr_error_memory(error, ((size_t)columns_count + 1) * sizeof(*defaults));
    }
    atomic_init(&(*out)->references, 1);
    (*out)->columns_count = columns_count;
    (*out)->defaults = defaults;
    (*out)->generated = generated;
    return PYR_OK;
}

pyr_constraints *pyr_constraints_retain(pyr_constraints *constraints) {
    if (constraints != NULL) {
        atomic_fetch_add_explicit(&constraints->references, 1, memory_order_relaxed);
    }
    return constraints;
}

static void key_deinit(pyr_table_key *key) {
    free(key->name);
    free(key->columns);
}

void pyr_constraints_release(pyr_constraints *constraints) {
    if (constraints == NULL ||
        atomic_fetch_sub_explicit(&constraints->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (int32_t i = 0; i < constraints->columns_count; ++i) {
        free(constraints->defaults[i]);
        free(constraints->generated[i]);
    }
    free(constraints->defaults);
    free(constraints->generated);
    if (constraints->primary_key != NULL) {
        key_deinit(constraints->primary_key);
        free(constraints->primary_key);
    }
    for (size_t i = 0; i < constraints->uniques_count; ++i) {
        key_deinit(&constraints->uniques[i]);
    }
    free(constraints->uniques);
    for (size_t i = 0; i < constraints->checks_count; ++i) {
        free(constraints->checks[i].name);
        free(constraints->checks[i].expression);
    }
    free(constraints->checks);
    free(constraints);
}

/* ---- Filling in. ---- */

static pyr_status set_text(char **place, const char *expression, size_t length, pyr_error *error) {
    char *text = strndup(expression, length);
    if (text == NULL) {
        return pyr_error_memory(error, length);
    }
    free(*place);
    *place = text;
    return PYR_OK;
}

pyr_status pyr_constraints_set_default(pyr_constraints *constraints, int32_t column,
                                       const char *expression, size_t length, pyr_error *error) {
    return set_text(&constraints->defaults[column], expression, length, error);
}

pyr_status pyr_constraints_set_generated(pyr_constraints *constraints, int32_t column,
                                         const char *expression, size_t length, pyr_error *error) {
    return set_text(&constraints->generated[column], expression, length, error);
}

static pyr_status too_many(const char *what, pyr_error *error) {
    return pyr_error_set(error, PYR_ERROR_LIMIT, "a table has at most %d %s", PYR_CONSTRAINTS_MAX,
                         what);
}

pyr_status pyr_constraints_add_check(pyr_constraints *constraints, const char *name,
                                     const char *expression, size_t length, pyr_error *error) {
    if (constraints->checks_count == PYR_CONSTRAINTS_MAX) {
        return too_many("CHECK constraints", error);
    }
    pyr_table_check *grown =
        realloc(constraints->checks, (constraints->checks_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, sizeof(*grown));
    }
    constraints->checks = grown;
    pyr_table_check check = {strdup(name), strndup(expression, length)};
    if (check.name == NULL || check.expression == NULL) {
        free(check.name);
        free(check.expression);
        return pyr_error_memory(error, length);
    }
    constraints->checks[constraints->checks_count++] = check;
    return PYR_OK;
}

static bool key_init(pyr_table_key *key, const char *name, const int32_t *columns, int32_t count) {
    *key = (pyr_table_key){strdup(name), count, calloc((size_t)count + 1, sizeof(*columns))};
    if (key->name == NULL || key->columns == NULL) {
        key_deinit(key);
        return false;
    }
    memcpy(key->columns, columns, (size_t)count * sizeof(*columns));
    return true;
}

static pyr_status add_primary(pyr_constraints *constraints, const char *name,
                              const int32_t *columns, int32_t count, pyr_error *error) {
    if (constraints->primary_key != NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P16", -1,
                                 "a table has one PRIMARY KEY at most");
    }
    pyr_table_key *key = calloc(1, sizeof(*key));
    if (key == NULL || !key_init(key, name, columns, count)) {
        free(key);
        return pyr_error_memory(error, sizeof(*key));
    }
    constraints->primary_key = key;
    return PYR_OK;
}

pyr_status pyr_constraints_add_key(pyr_constraints *constraints, bool primary, const char *name,
                                   const int32_t *columns, int32_t columns_count,
                                   pyr_error *error) {
    if (columns_count > PYR_CONSTRAINTS_MAX || constraints->uniques_count == PYR_CONSTRAINTS_MAX) {
        return too_many("UNIQUE constraints, and a key at most so many columns", error);
    }
    if (primary) {
        return add_primary(constraints, name, columns, columns_count, error);
    }
    pyr_table_key *grown =
        realloc(constraints->uniques, (constraints->uniques_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return pyr_error_memory(error, sizeof(*grown));
    }
    constraints->uniques = grown;
    if (!key_init(&grown[constraints->uniques_count], name, columns, columns_count)) {
        return pyr_error_memory(error, sizeof(*grown));
    }
    ++constraints->uniques_count;
    return PYR_OK;
}

/* ---- Bytes. ---- */

static void put_key(const pyr_table_key *key, pyr_text *out) {
    pyr_record_add_string(out, key->name);
    pyr_record_add_varint(out, (uint64_t)key->columns_count);
    for (int32_t i = 0; i < key->columns_count; ++i) {
        pyr_record_add_varint(out, (uint64_t)key->columns[i]);
    }
}

void pyr_constraints_put(const pyr_constraints *constraints, pyr_text *out) {
    pyr_text_add_char(out, constraints != NULL ? 1 : 0);
    if (constraints == NULL) {
        return;
    }
    for (int32_t i = 0; i < constraints->columns_count; ++i) {
        const char *generated = constraints->generated[i];
        const char *text = generated != NULL ? generated : constraints->defaults[i];
        pyr_text_add_char(out, generated != NULL ? 2 : text != NULL ? 1 : 0);
        if (text != NULL) {
            pyr_record_add_string(out, text);
        }
    }
    pyr_text_add_char(out, constraints->primary_key != NULL ? 1 : 0);
    if (constraints->primary_key != NULL) {
        put_key(constraints->primary_key, out);
    }
    pyr_record_add_varint(out, constraints->uniques_count);
    for (size_t i = 0; i < constraints->uniques_count; ++i) {
        put_key(&constraints->uniques[i], out);
    }
    pyr_record_add_varint(out, constraints->checks_count);
    for (size_t i = 0; i < constraints->checks_count; ++i) {
        pyr_record_add_string(out, constraints->checks[i].name);
        pyr_record_add_string(out, constraints->checks[i].expression);
    }
}

static bool get_flag(pyr_cursor *cursor, bool *out) {
    uint8_t byte;
    bool ok = pyr_cursor_u8(cursor, &byte) && byte <= 1;
    *out = ok && byte == 1;
    return ok;
}

static bool get_count(pyr_cursor *cursor, uint64_t *out) {
    return pyr_cursor_varint(cursor, out) && *out <= PYR_CONSTRAINTS_MAX;
}

/* Reads are bounded by the limits above; *ok false where the bytes are wrong. */
static pyr_status get_defaults(pyr_cursor *cursor, pyr_constraints *out, bool *ok,
                               pyr_error *error) {
    pyr_status status = PYR_OK;
    for (int32_t i = 0; *ok && status == PYR_OK && i < out->columns_count; ++i) {
        uint8_t kind = 0; /* 1: a default, 2: generated */
        char *text = NULL;
        *ok = pyr_cursor_u8(cursor, &kind) && kind <= 2 &&
              (kind == 0 || pyr_record_get_string(cursor, &text));
        if (*ok && kind > 0) {
            char **place = kind == 1 ? &out->defaults[i] : &out->generated[i];
            status = set_text(place, text, strlen(text), error);
        }
        free(text);
    }
    return status;
}

static pyr_status get_key(pyr_cursor *cursor, bool primary, pyr_constraints *out, bool *ok,
                          pyr_error *error) {
    char *name = NULL;
    uint64_t count = 0;
    int32_t columns[PYR_CONSTRAINTS_MAX];
    *ok = pyr_record_get_string(cursor, &name) && get_count(cursor, &count) && count > 0;
    for (uint64_t i = 0; *ok && i < count; ++i) {
        uint64_t column;
        *ok = pyr_cursor_varint(cursor, &column) && column < (uint64_t)out->columns_count;
        columns[i] = *ok ? (int32_t)column : 0;
    }
    pyr_status status = PYR_OK;
    if (*ok) {
        status = pyr_constraints_add_key(out, primary, name, columns, (int32_t)count, error);
    }
    free(name);
    return status;
}

static pyr_status get_keys(pyr_cursor *cursor, pyr_constraints *out, bool *ok, pyr_error *error) {
    bool primary = false;
    uint64_t count = 0;
    *ok = *ok && get_flag(cursor, &primary);
    if (*ok && primary) {
        PYR_TRY(get_key(cursor, true, out, ok, error));
    }
    *ok = *ok && get_count(cursor, &count);
    for (uint64_t i = 0; *ok && i < count; ++i) {
        PYR_TRY(get_key(cursor, false, out, ok, error));
    }
    return PYR_OK;
}

static pyr_status get_checks(pyr_cursor *cursor, pyr_constraints *out, bool *ok, pyr_error *error) {
    uint64_t count = 0;
    pyr_status status = PYR_OK;
    *ok = *ok && get_count(cursor, &count);
    for (uint64_t i = 0; *ok && status == PYR_OK && i < count; ++i) {
        char *name = NULL;
        char *expression = NULL;
        *ok = pyr_record_get_string(cursor, &name) && pyr_record_get_string(cursor, &expression);
        if (*ok) {
            status = pyr_constraints_add_check(out, name, expression, strlen(expression), error);
        }
        free(name);
        free(expression);
    }
    return status;
}

pyr_status pyr_constraints_get(pyr_cursor *cursor, int32_t columns_count, bool *ok,
                               pyr_constraints **out, pyr_error *error) {
    bool there = false;
    *out = NULL;
    *ok = get_flag(cursor, &there);
    if (!there) {
        return PYR_OK;
    }
    PYR_TRY(pyr_constraints_create(columns_count, out, error));
    pyr_status status = get_defaults(cursor, *out, ok, error);
    if (status == PYR_OK) {
        status = get_keys(cursor, *out, ok, error);
    }
    if (status == PYR_OK) {
        status = get_checks(cursor, *out, ok, error);
    }
    if (status != PYR_OK || !*ok) {
        pyr_constraints_release(*out);
        *out = NULL;
    }
    return status;
}
