/* duckdb_sequence.c - nextval and currval of the catalog's sequences, as functions of DuckDB.
 *
 * A function is bound on the caller's thread, where the statement's snapshot is known, and runs on
 * threads of DuckDB's: what it needs it keeps in its bind data.
 */
#include "engines/duckdb/duckdb_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Immutable; counted, so that DuckDB's copies of it need no memory. */
typedef struct bind_data {
    atomic_size_t references;
    pyr_snapshot *snapshot; /* retained */
    pyr_duckdb_run *run;    /* retained */
    char schema_name[PYR_NAME_BYTES_MAX + 1];
} bind_data;

static void release_bind_data(void *data) {
    bind_data *self = data;
    if (atomic_fetch_sub(&self->references, 1) == 1) {
        pyr_snapshot_release(self->snapshot);
        pyr_duckdb_run_release(self->run);
        free(self);
    }
}

static void *copy_bind_data(void *data) {
    bind_data *self = data;
    atomic_fetch_add(&self->references, 1);
    return self;
}

static void bind(dd_bind_info info) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    const pyr_duckdb_binding *binding = pyr_duckdb_binding_get();
    bind_data *self = calloc(1, sizeof(*self));
    if (self == NULL || binding == NULL || binding->query->snapshot == NULL) {
        free(self);
        api->scalar_function_bind_set_error(info, "sequences are not known here");
        return;
    }
    const char *schema = binding->query->schema_name;
    atomic_init(&self->references, 1);
    self->snapshot = pyr_snapshot_retain(binding->query->snapshot);
    self->run = pyr_duckdb_run_retain(binding->run);
    strncpy(self->schema_name, schema != NULL ? schema : "main", PYR_NAME_BYTES_MAX);
    api->scalar_function_set_bind_data(info, self, release_bind_data);
    api->scalar_function_set_bind_data_copy(info, copy_bind_data);
}

/* ---- Names. ---- */

/* The parts of a name in a string: s, main.s, "a b".s. */
static bool split(const char *text, size_t length, char parts[3][PYR_NAME_BYTES_MAX + 1],
                  int *count) {
    size_t at = 0;
    *count = 0;
    do {
        if (*count == 3) {
            return false;
        }
        char *part = parts[(*count)++];
        size_t size = 0;
        bool quoted = at < length && text[at] == '"';
        at += quoted;
        while (at < length && (quoted || text[at] != '.')) {
            if (quoted && text[at] == '"' && (++at == length || text[at] != '"')) {
                break;
            }
            if (size == PYR_NAME_BYTES_MAX) {
                return false;
            }
            part[size++] = text[at++];
        }
        part[size] = '\0';
    } while (at < length && text[at++] == '.');
    return at >= length;
}

static pyr_status find_sequence(const bind_data *self, const pyr_duckdb_string *name,
                                pyr_entry **out, pyr_error *error) {
    char parts[3][PYR_NAME_BYTES_MAX + 1];
    int count = 0;
    const char *text = pyr_duckdb_string_bytes(name);
    *out = NULL;
    if (split(text, name->length, parts, &count)) {
        const char *schema = count > 1 ? parts[count - 2] : self->schema_name;
        *out = pyr_entries_find(pyr_snapshot_entries(self->snapshot), PYR_ENTRY_SEQUENCE, schema,
                                parts[count - 1], NULL);
    }
    return *out != NULL ? PYR_OK
                        : pyr_error_set_sql(error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                                            "sequence \"%.*s\" does not exist",
                                            name->length > 300 ? 300 : (int)name->length, text);
}

/* ---- Running. ---- */

static bool is_null(const uint64_t *validity, uint64_t row) {
    return validity != NULL && (validity[row / 64] >> (row % 64) & 1) == 0;
}

static bool same(const pyr_duckdb_string *a, const pyr_duckdb_string *b) {
    return a->length == b->length &&
           memcmp(pyr_duckdb_string_bytes(a), pyr_duckdb_string_bytes(b), a->length) == 0;
}

/* Rows from on that have one name get their numbers together. */
static pyr_status give(const bind_data *self, bool next, const pyr_duckdb_string *names,
                       const uint64_t *validity, uint64_t from, uint64_t rows, int64_t *out,
                       uint64_t *given, pyr_error *error) {
    pyr_entry *object = NULL;
    PYR_TRY(find_sequence(self, &names[from], &object, error));
    uint64_t end = from + 1;
    while (end < rows && !is_null(validity, end) && same(&names[end], &names[from])) {
        ++end;
    }
    *given = end - from;
    if (next) {
        return pyr_sequence_next(object->sequence, object->name, out + from, *given, error);
    }
    for (uint64_t i = from; i < end; ++i) {
        PYR_TRY(pyr_sequence_last(object->sequence, object->name, &out[i], error));
    }
    return PYR_OK;
}

static void run(dd_call_info info, dd_chunk input, dd_vector output) {
    const pyr_duckdb_api *api = pyr_duckdb_api_loaded();
    const bind_data *self = api->scalar_function_get_bind_data(info);
    const bool *next = api->scalar_function_get_extra_info(info);
    dd_vector names = api->data_chunk_get_vector(input, 0);
    uint64_t rows = api->data_chunk_get_size(input);
    const uint64_t *validity = api->vector_get_validity(names);
    const pyr_duckdb_string *strings = api->vector_get_data(names);
    int64_t *out = api->vector_get_data(output);
    pyr_error error;
    pyr_error_clear(&error);
    uint64_t row = 0;
    while (row < rows) {
        if (is_null(validity, row)) {
            api->vector_ensure_validity_writable(output);
            uint64_t *mask = api->vector_get_validity(output);
            mask[row / 64] &= ~(UINT64_C(1) << (row % 64));
            ++row;
            continue;
        }
        uint64_t given = 0;
        if (give(self, *next, strings, validity, row, rows, out, &given, &error) != PYR_OK) {
            pyr_duckdb_run_fail(self->run, &error);
            api->scalar_function_set_error(info, error.message);
            return;
        }
        row += given;
    }
}

static pyr_status register_one(const pyr_duckdb_api *api, dd_connection connection,
                               const char *name, const bool *next, pyr_error *error) {
    dd_scalar_function function = api->create_scalar_function();
    dd_type text = api->create_logical_type(DD_TYPE_VARCHAR);
    dd_type number = api->create_logical_type(DD_TYPE_BIGINT);
    api->scalar_function_set_name(function, name);
    api->scalar_function_add_parameter(function, text);
    api->scalar_function_set_return_type(function, number);
    api->scalar_function_set_volatile(function);
    api->scalar_function_set_extra_info(function, (void *)next, NULL);
    api->scalar_function_set_bind(function, bind);
    api->scalar_function_set_function(function, run);
    dd_state state = api->register_scalar_function(connection, function);
    api->destroy_logical_type(&text);
    api->destroy_logical_type(&number);
    api->destroy_scalar_function(&function);
    return state == DD_SUCCESS
               ? PYR_OK
               : pyr_error_set(error, PYR_ERROR_INTERNAL, "DuckDB refuses the function %s", name);
}

pyr_status pyr_duckdb_sequence_register(const pyr_duckdb_api *api, dd_connection connection,
                                        pyr_error *error) {
    static const bool yes = true;
    static const bool no = false;
    PYR_TRY(register_one(api, connection, "__pyralog_nextval", &yes, error));
    return register_one(api, connection, "__pyralog_currval", &no, error);
}
