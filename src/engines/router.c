/* router.c - which engine runs a query, and why. */
#include "engines/engine.h"

#include <string.h>
#include <strings.h>

static pyr_status prepare(pyr_engine_session *session, const pyr_engine_query *query,
                          pyr_prepared **out, pyr_error *error) {
    return session->engine->ops->prepare(session, query, out, error);
}

static pyr_status explain_choice(pyr_arena *arena, const char **why, pyr_error *error,
                                 const char *engine, const char *reason) {
    *why = pyr_arena_printf(arena, "%s: %s", engine, reason);
    return *why != NULL ? PYR_OK : pyr_arena_error(arena, error);
}

/* What the native engine said is final. A name it does not know is then a name that nobody knows.
 */
static pyr_status native_is_final(const pyr_error *refusal, pyr_error *error) {
    pyr_status code = strcmp(refusal->sqlstate, "42P01") == 0 ? PYR_ERROR_NOT_FOUND : refusal->code;
    return pyr_error_set_sql(error, code, refusal->sqlstate, refusal->position, "%s",
                             refusal->message);
}

static pyr_status prepare_duckdb(pyr_engine_session *duckdb, const pyr_engine_query *query,
                                 const char *reason, pyr_arena *arena, pyr_prepared **out,
                                 const char **why, pyr_error *error) {
    PYR_TRY(prepare(duckdb, query, out, error));
    pyr_status status = explain_choice(arena, why, error, "duckdb", reason);
    if (status != PYR_OK) {
        duckdb->engine->ops->prepared_destroy(*out);
        *out = NULL;
    }
    return status;
}

static const char *native_why(bool native_only) {
    return native_only ? "native: SET engine = 'native'" : "native: covers the whole statement";
}

bool pyr_router_renew(pyr_engine_session *native, const char *engine_setting,
                      const pyr_engine_query *query, pyr_prepared *prepared, const char **why) {
    bool native_only = strcasecmp(engine_setting, "native") == 0;
    *why = native_why(native_only);
    return (native_only || strcasecmp(engine_setting, "auto") == 0) &&
           native->engine->ops->renew(prepared, native, query);
}

pyr_status pyr_router_prepare(pyr_engine_session *native, pyr_engine_session *duckdb,
                              const char *engine_setting, const pyr_engine_query *query,
                              pyr_arena *arena, pyr_prepared **out, const char **why,
                              pyr_error *error) {
    *out = NULL;
    *why = NULL;
    bool many = query->params != NULL && query->params->rows != 1;
    if (many && strcasecmp(engine_setting, "duckdb") == 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "SET engine = 'duckdb': it takes one row of parameters at a time");
    }
    if (strcasecmp(engine_setting, "duckdb") == 0) {
        if (duckdb == NULL) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "SET engine = 'duckdb': this build has no DuckDB engine");
        }
        return prepare_duckdb(duckdb, query, "SET engine = 'duckdb'", arena, out, why, error);
    }
    bool native_only = strcasecmp(engine_setting, "native") == 0;
    if (!native_only && strcasecmp(engine_setting, "auto") != 0) {
        return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                             "SET engine = '%s': there are 'auto', 'native' and 'duckdb'",
                             engine_setting);
    }
    pyr_error refusal;
    pyr_error_clear(&refusal);
    pyr_status status = prepare(native, query, out, &refusal);
    if (status == PYR_OK) {
        *why = native_why(native_only);
        return PYR_OK;
    }
    if (status != PYR_ERROR_NOT_SUPPORTED || native_only || many) {
        return native_is_final(&refusal, error);
    }
    if (duckdb == NULL) {
        if (strcmp(refusal.sqlstate, "42P01") == 0) {
            return native_is_final(&refusal, error);
        }
        return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", refusal.position,
                                 "%s, and this build has no DuckDB engine", refusal.message);
    }
    const char *reason = refusal.message;
    if (strcmp(refusal.sqlstate, "42P01") == 0) {
        reason = pyr_arena_printf(arena, "in the catalog, %s", refusal.message);
        if (reason == NULL) {
            return pyr_arena_error(arena, error);
        }
    }
    return prepare_duckdb(duckdb, query, reason, arena, out, why, error);
}
