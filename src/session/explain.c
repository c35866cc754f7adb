/* explain.c - EXPLAIN [ANALYZE] [(FORMAT JSON)]: the engine, why it, its plan, and the ledger. */
#include "session/ledger_json.h"
#include "session/session_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* Runs the query to its end, counting rows; nothing is kept. */
static pyr_status drain(pyr_execution *execution, pyr_bound *bound, pyr_error *error) {
    pyr_stream *stream = NULL;
    PYR_TRY(pyr_bound_execute(bound, &stream, error));
    pyr_status status = PYR_OK;
    for (;;) {
        pyr_batch *batch = NULL;
        status = pyr_cancel_flag_check(&execution->cancel, error);
        if (status == PYR_OK) {
            status = pyr_stream_next(stream, &batch, error);
        }
        if (status != PYR_OK || batch == NULL) {
            break;
        }
        pyr_ledger_add_rows(&execution->ledger, pyr_batch_selected(batch));
        pyr_batch_release(batch);
    }
    pyr_stream_destroy(stream);
    if (status == PYR_OK) {
        status = pyr_externals_check(&bound->externals, error);
    }
    pyr_ledger_finish(&execution->ledger);
    pyr_ledger_note_memory(&execution->ledger, (int64_t)pyr_budget_peak(execution->budget));
    return status;
}

static void explain_json(const pyr_bound *bound, const char *plan, bool analyze,
                         const pyr_ledger_report *report, pyr_text *out) {
    pyr_text_add(out, "{\"engine\":");
    pyr_text_add_json(out, bound->engine, strlen(bound->engine));
    pyr_text_add(out, ",\"reason\":");
    pyr_text_add_json(out, bound->why, strlen(bound->why));
    pyr_text_add(out, ",\"plan\":");
    pyr_text_add_json(out, plan, strlen(plan));
    if (analyze) {
        pyr_text_add(out, ",\"ledger\":");
        pyr_ledger_report_json(report, out);
    }
    pyr_text_add_char(out, '}');
}

static void explain_text(const pyr_bound *bound, const char *plan, bool analyze,
                         const pyr_ledger_report *report, pyr_text *out) {
    pyr_text_printf(out, "engine: %s (%s)\n%s", bound->engine, bound->why, plan);
    if (out->length > 0 && out->data[out->length - 1] != '\n') {
        pyr_text_add_char(out, '\n');
    }
    if (analyze) {
        pyr_ledger_report_lines(report, out);
    }
}

/* One row a line, so that every format shows a plan readably. */
static pyr_status lines_result(pyr_execution *execution, char *text, pyr_result *out,
                               pyr_error *error) {
    static const char *const names[] = {"plan"};
    size_t count = 0;
    for (const char *c = text; *c != '\0'; ++c) {
        count += *c == '\n';
    }
    const char **cells = pyr_arena_array(&execution->arena, count + 1, sizeof(*cells));
    if (cells == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    size_t rows = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (rest != NULL || *line != '\0') {
            cells[rows++] = line;
        }
    }
    return pyr_result_from_texts(execution, names, 1, cells, rows, out, error);
}

static pyr_status explain_query(pyr_execution *execution, const pyr_parsed *parsed,
                                const pyr_span *text, pyr_batch *params, pyr_result *out,
                                pyr_error *error) {
    char *sql = pyr_arena_strndup(&execution->arena, text->text, text->length);
    if (sql == NULL) {
        return pyr_arena_error(&execution->arena, error);
    }
    pyr_text plan;
    pyr_text text_out;
    pyr_text_init(&plan);
    pyr_text_init(&text_out);
    pyr_bound bound;
    execution->describes = !parsed->analyze;
    pyr_status status = pyr_bound_prepare(execution, sql, text->length, params, &bound, error);
    if (status != PYR_OK) {
        if (error != NULL && error->position >= 0) {
            error->position += (int32_t)text->offset;
        }
        goto done;
    }
    pyr_externals_explain(&bound.externals, &plan);
    pyr_ledger_report report = {0};
    bound.query.profile = parsed->analyze;
    if (parsed->analyze) {
        status = drain(execution, &bound, error);
        pyr_ledger_report_fill(&execution->ledger, &report);
        /* What the EXPLAIN itself returns is not the query's. */
        atomic_store(&execution->ledger.rows, 0);
    }
    if (status == PYR_OK) {
        status = bound.prepared->session->engine->ops->explain(bound.prepared, &plan, error);
    }
    if (status == PYR_OK) {
        (parsed->json ? explain_json : explain_text)(&bound, pyr_text_get(&plan), parsed->analyze,
                                                     &report, &text_out);
        status = pyr_text_check(&text_out, error);
    }
    if (status == PYR_OK && parsed->json) {
        static const char *const names[] = {"plan"};
        const char *cell = pyr_text_get(&text_out);
        status = pyr_result_from_texts(execution, names, 1, &cell, 1, out, error);
    } else if (status == PYR_OK) {
        status = lines_result(execution, text_out.data, out, error);
    }
done:
    pyr_bound_deinit(&bound);
    pyr_text_deinit(&plan);
    pyr_text_deinit(&text_out);
    return status;
}

pyr_status pyr_run_explain(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                           pyr_result *out, pyr_error *error) {
    const pyr_parsed *inner = parsed->inner;
    switch (inner->kind) {
    case PYR_PARSED_QUERY:
        return explain_query(execution, parsed, &inner->text, params, out, error);
    case PYR_PARSED_INSERT:
    case PYR_PARSED_CREATE_TABLE:
    case PYR_PARSED_COPY_TO:
        /* Writing is reading first: the plan is the source query's. ANALYZE would write. */
        if (inner->query.text != NULL && !parsed->analyze) {
            return explain_query(execution, parsed, &inner->query, params, out, error);
        }
        break;
    default:
        break;
    }
    return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED, "EXPLAIN%s is for queries",
                         parsed->analyze ? " ANALYZE" : "");
}
