/* parse_memo.c - what a prepared statement's texts were parsed to; see session_internal.h. */
#include "session/session_internal.h"

#include <stdlib.h>
#include <string.h>

/* The statement and the queries made of it; an UPDATE has three. */
enum { TEXTS_MAX = 4 };

struct pyr_kept_plan {
    _Atomic(pyr_prepared *) prepared;
    _Atomic(const pyr_engine_ops *) ops; /* of the engine that made it: there is one that keeps */
};

typedef struct memo_text {
    const char *sql; /* in the arena */
    size_t length;
    pyr_parsed *parsed;
    pyr_kept_plan plan;
} memo_text;

struct pyr_parse_memo {
    atomic_size_t references;
    /* Under the connection's call_lock: */
    pyr_arena arena; /* what is in it stays where it is */
    memo_text texts[TEXTS_MAX];
    size_t count;
    bool closed; /* a text was not to be kept: what is in the arena does not grow with each run */
};

pyr_parse_memo *pyr_parse_memo_create(void) {
    pyr_parse_memo *memo = calloc(1, sizeof(*memo));
    if (memo != NULL) {
        atomic_init(&memo->references, 1);
        pyr_arena_init(&memo->arena, NULL);
    }
    return memo;
}

pyr_parse_memo *pyr_parse_memo_retain(pyr_parse_memo *memo) {
    if (memo != NULL) {
        atomic_fetch_add_explicit(&memo->references, 1, memory_order_relaxed);
    }
    return memo;
}

void pyr_parse_memo_release(pyr_parse_memo *memo) {
    if (memo == NULL ||
        atomic_fetch_sub_explicit(&memo->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < memo->count; ++i) {
        pyr_kept_plan_leave(&memo->texts[i].plan, NULL);
        pyr_parsed_deinit(memo->texts[i].parsed);
    }
    pyr_arena_deinit(&memo->arena);
    free(memo);
}

bool pyr_parse_memo_owns(const pyr_parse_memo *memo, const char *sql, size_t length) {
    for (size_t i = 0; memo != NULL && i < memo->count; ++i) {
        const memo_text *text = &memo->texts[i];
        if (sql + length == text->sql + text->length && length <= text->length) {
            return true;
        }
    }
    return false;
}

/* ---- Plans. ---- */

pyr_kept_plan *pyr_parse_memo_plan(pyr_parse_memo *memo, const struct pyr_select *select) {
    for (size_t i = 0; memo != NULL && i < memo->count; ++i) {
        if (memo->texts[i].parsed->select == select) {
            return &memo->texts[i].plan;
        }
    }
    return NULL;
}

pyr_prepared *pyr_kept_plan_take(pyr_kept_plan *kept) {
    return atomic_exchange(&kept->prepared, NULL);
}

void pyr_kept_plan_leave(pyr_kept_plan *kept, pyr_prepared *prepared) {
    if (prepared != NULL) {
        const pyr_engine_ops *ops = prepared->session->engine->ops;
        ops->rest(prepared);
        atomic_store(&kept->ops, ops);
    }
    pyr_prepared *before = atomic_exchange(&kept->prepared, prepared);
    if (before != NULL) {
        atomic_load(&kept->ops)->prepared_destroy(before);
    }
}

/* ---- Texts. ---- */

static const pyr_parsed *find(const pyr_parse_memo *memo, const char *sql, size_t length) {
    for (size_t i = 0; i < memo->count; ++i) {
        const memo_text *text = &memo->texts[i];
        if (text->length == length && memcmp(text->sql, sql, length) == 0) {
            return text->parsed;
        }
    }
    return NULL;
}

/* Who runs it changes nothing in the parse, but for the session's schemas (pyr_parse_in_session).
 */
static bool can_keep(const pyr_execution *execution, const pyr_parsed *parsed) {
    return pyr_names_are_plain(execution) &&
           (parsed->kind == PYR_PARSED_QUERY || parsed->kind == PYR_PARSED_INSERT ||
            parsed->kind == PYR_PARSED_UPDATE || parsed->kind == PYR_PARSED_DELETE);
}

/* Parses a copy of the text, as a parse points into its text. *out NULL: it is not kept. */
static pyr_status add(pyr_execution *execution, const char *sql, size_t length,
                      const pyr_parsed **out, pyr_error *error) {
    pyr_parse_memo *memo = execution->memo;
    pyr_parsed *parsed = NULL;
    memo->closed = true;
    const char *copy = pyr_arena_strndup(&memo->arena, sql, length);
    if (copy == NULL) {
        return pyr_arena_error(&memo->arena, error);
    }
    PYR_TRY(pyr_sql_parse(copy, length, &memo->arena, &parsed, error));
    if (!can_keep(execution, parsed)) {
        pyr_parsed_deinit(parsed);
        return PYR_OK;
    }
    memo_text *text = &memo->texts[memo->count++];
    text->sql = copy;
    text->length = length;
    text->parsed = parsed;
    memo->closed = memo->count == TEXTS_MAX;
    *out = parsed;
    return PYR_OK;
}

pyr_status pyr_execution_parse(pyr_execution *execution, const char *sql, size_t length,
                               const pyr_parsed **out, pyr_parsed **own, pyr_error *error) {
    pyr_parse_memo *memo = execution->memo;
    bool remembers = memo != NULL && pyr_names_are_plain(execution);
    *out = remembers ? find(memo, sql, length) : NULL;
    *own = NULL;
    if (*out == NULL && remembers && !memo->closed) {
        PYR_TRY(add(execution, sql, length, out, error));
    }
    if (*out == NULL) {
        PYR_TRY(pyr_parse_in_session(execution, sql, length, own, error));
        *out = *own;
    }
    return PYR_OK;
}
