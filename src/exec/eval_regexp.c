/* eval_regexp.c - REGEXP_MATCHES, _FULL_MATCH, _REPLACE and _EXTRACT with constant patterns. A
 * pattern that is a text alone is searched for by the kernels. */
#include "exec/eval_internal.h"

#include "exec/regexp.h"

typedef struct matcher {
    pyr_regexp *regexp;
    bool global;
    int32_t group;          /* REGEXP_EXTRACT */
    pyr_string replacement; /* REGEXP_REPLACE, as RE2 has it: \0 .. \9, \\ */
    int32_t only;           /* the group that the replacement is alone; -1: none */
} matcher;

static pyr_status fail(const pyr_eval_node *node, int why, pyr_error *error) {
    if (why == PYR_REGEXP_NO_UTF8) {
        return pyr_eval_error(node, "22021", error, "a text here is not UTF-8");
    }
    return pyr_error_set_sql(error, PYR_ERROR_LIMIT, "54001", node->expression->offset,
                             "this regular expression needs too many steps for a text here; "
                             "SET engine = 'duckdb' runs it in another way");
}

/* What a matcher does with one text; out: BOOLEAN's bit, or a string. */
typedef pyr_status text_function(pyr_eval *eval, pyr_eval_node *node, const matcher *m,
                                 pyr_string text, pyr_string *out, pyr_error *error);

static pyr_status run_bits(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                           pyr_error *error) {
    const matcher *m = node->extra;
    PYR_TRY(pyr_eval_node_run(eval, node->arguments[0], rows, error));
    const pyr_vector *v = pyr_eval_argument(node, 0);
    if (pyr_vector_null(v)) {
        pyr_eval_set_null(node);
        return PYR_OK;
    }
    const uint64_t *validity = v->constant ? NULL : v->validity;
    const uint16_t *list = NULL;
    int32_t count = v->constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    uint64_t *out = node->buffer.data;
    memset(out, 0, PYR_VECTOR_WORDS * 8);
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        int found = pyr_regexp_match(m->regexp, pyr_vector_string(v, row), 0);
        if (found < 0) {
            return fail(node, found, error);
        }
        out[row >> 6] |= (uint64_t)(found > 0) << (row & 63);
    }
    pyr_eval_set_out(node, v->constant, validity);
    return PYR_OK;
}

/* ---- Replacing. ---- */

static bool grow(pyr_eval *eval, size_t size) {
    if (eval->scratch_bytes >= size) {
        return true;
    }
    size_t bytes = size * 2 < 4096 ? 4096 : size * 2;
    uint8_t *more = pyr_arena_alloc(&eval->arena, bytes);
    if (more == NULL) {
        return false;
    }
    if (eval->scratch_bytes > 0) {
        memcpy(more, eval->scratch, eval->scratch_bytes);
    }
    eval->scratch = more;
    eval->scratch_bytes = bytes;
    return true;
}
static bool append(pyr_eval *eval, size_t *length, const uint8_t *bytes, size_t count) {
    if (count == 0) {
        return true;
    }
    if (!grow(eval, *length + count)) {
        return false;
    }
    memcpy(eval->scratch + *length, bytes, count);
    *length += count;
    return true;
}
/* The replacement with what the groups of the match hold. */
static bool append_replacement(pyr_eval *eval, const matcher *m, pyr_string text, size_t *length) {
    const size_t *places = pyr_regexp_places(m->regexp);
    pyr_string r = m->replacement;
    for (uint64_t i = 0; i < r.length; ++i) {
        if (r.bytes[i] != '\\') {
            uint64_t end = i;
            while (end < r.length && r.bytes[end] != '\\') {
                ++end;
            }
            if (!append(eval, length, r.bytes + i, end - i)) {
                return false;
            }
            i = end - 1;
            continue;
        }
        int c = r.bytes[++i];
        bool good = true;
        if (c == '\\') {
            good = append(eval, length, (const uint8_t *)"\\", 1);
        } else {
            size_t from = places[(c - '0') * 2], to = places[(c - '0') * 2 + 1];
            good = from == SIZE_MAX || append(eval, length, text.bytes + from, to - from);
        }
        if (!good) {
            return false;
        }
    }
    return true;
}
static size_t character_bytes(pyr_string text, size_t at) {
    size_t end = at + 1;
    while (end < text.length && (text.bytes[end] & 0xC0) == 0x80) {
        ++end;
    }
    return end - at;
}
/* Group number i of a match, or nothing where it has not taken part. */
static pyr_string group_of(const matcher *m, pyr_string text, int32_t i) {
    const size_t *places = pyr_regexp_places(m->regexp);
    if (places[i * 2] == SIZE_MAX) {
        return (pyr_string){(const uint8_t *)"", 0};
    }
    return (pyr_string){text.bytes + places[i * 2], places[i * 2 + 1] - places[i * 2]};
}
/* As RE2's GlobalReplace goes on: an empty match right behind a match is none. */
static pyr_status replace(pyr_eval *eval, pyr_eval_node *node, const matcher *m, pyr_string text,
                          pyr_string *out, pyr_error *error) {
    size_t at = 0, length = 0, last_end = SIZE_MAX;
    bool any = false;
    while (at <= text.length) {
        int found = pyr_regexp_match(m->regexp, text, at);
        if (found < 0) {
            return fail(node, found, error);
        }
        if (found == 0) {
            break;
        }
        const size_t *places = pyr_regexp_places(m->regexp);
        size_t from = places[0], to = places[1];
        if (m->only >= 0 && from == 0 && to == text.length && at == 0 && to > 0) {
            *out = group_of(m, text, m->only); /* all of the text becomes a part of it: no copy */
            return PYR_OK;
        }
        bool good = append(eval, &length, text.bytes + at, from - at);
        if (from == last_end && to == from) {
            size_t one = from < text.length ? character_bytes(text, from) : 1;
            good = good && (from >= text.length || append(eval, &length, text.bytes + from, one));
            at = from + one;
        } else {
            good = good && append_replacement(eval, m, text, &length);
            at = last_end = to;
            any = true;
        }
        if (!good) {
            return pyr_arena_error(&eval->arena, error);
        }
        if (!m->global) {
            break;
        }
    }
    if (!any) {
        *out = text;
        return PYR_OK;
    }
    uint8_t *bytes = NULL;
    if ((at < text.length && !append(eval, &length, text.bytes + at, text.length - at)) ||
        (bytes = pyr_eval_text(eval, length)) == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    if (length > 0) {
        memcpy(bytes, eval->scratch, length);
    }
    *out = (pyr_string){bytes, length};
    return PYR_OK;
}

static pyr_status extract(pyr_eval *eval, pyr_eval_node *node, const matcher *m, pyr_string text,
                          pyr_string *out, pyr_error *error) {
    (void)eval;
    int found = pyr_regexp_match(m->regexp, text, 0);
    if (found < 0) {
        return fail(node, found, error);
    }
    *out = found > 0 ? group_of(m, text, m->group) : (pyr_string){(const uint8_t *)"", 0};
    return PYR_OK;
}

static pyr_status run_text(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                           pyr_error *error) {
    const matcher *m = node->extra;
    text_function *function = node->expression->op == PYR_OP_REGEXP_REPLACE ? replace : extract;
    PYR_TRY(pyr_eval_node_run(eval, node->arguments[0], rows, error));
    const pyr_vector *v = pyr_eval_argument(node, 0);
    if (pyr_vector_null(v)) {
        pyr_eval_set_null(node);
        return PYR_OK;
    }
    const uint64_t *validity = v->constant ? NULL : v->validity;
    const uint16_t *list = NULL;
    int32_t count = v->constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    pyr_string *out = node->buffer.data;
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        PYR_TRY(function(eval, node, m, pyr_vector_string(v, row), &out[row], error));
    }
    pyr_eval_set_out(node, v->constant, validity);
    return PYR_OK;
}

/* ---- The choice. ---- */

static bool is_text(const pyr_bound_expr *e) {
    return e->kind == PYR_BOUND_CONSTANT && !e->is_null && e->type.id == PYR_SQL_VARCHAR;
}
static bool read_options(pyr_string text, bool replaces, pyr_regexp_options *options,
                         bool *global) {
    for (uint64_t i = 0; i < text.length; ++i) {
        switch (text.bytes[i]) {
        case 'c':
            options->ignore_case = false;
            break;
        case 'i':
            options->ignore_case = true;
            break;
        case 'l':
            options->literal = true;
            break;
        case 'm':
        case 'n':
        case 'p':
            options->dot_all = false;
            break;
        case 's':
            options->dot_all = true;
            break;
        case 'g':
            *global = true;
            if (!replaces) {
                return false;
            }
            break;
        default:
            return false;
        }
    }
    return true;
}
/* RE2 refuses other escapes, and groups that are not there. */
static bool replacement_good(pyr_string r, int groups) {
    for (uint64_t i = 0; i < r.length; ++i) {
        if (r.bytes[i] != '\\') {
            continue;
        }
        int c = ++i < r.length ? r.bytes[i] : -1;
        if (c != '\\' && !(c >= '0' && c <= '9' && c - '0' <= groups)) {
            return false;
        }
    }
    return true;
}
static int32_t only_group(pyr_string r) {
    bool one = r.length == 2 && r.bytes[0] == '\\' && r.bytes[1] >= '0' && r.bytes[1] <= '9';
    return one ? r.bytes[1] - '0' : -1;
}
static void destroy_regexp(void *regexp) {
    pyr_regexp_destroy(regexp);
}

pyr_status pyr_eval_choose_regexp(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    bool replaces = e->op == PYR_OP_REGEXP_REPLACE, extracts = e->op == PYR_OP_REGEXP_EXTRACT;
    int32_t options_at = replaces ? 3 : extracts ? 4 : 2;
    matcher *m = pyr_arena_alloc(&eval->arena, sizeof *m);
    if (m == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    pyr_regexp_options options = {false, false, false, e->op == PYR_OP_REGEXP_FULL_MATCH};
    bool good = node->arguments[0]->physical == PYR_PHYSICAL_STRING && is_text(e->arguments[1]) &&
                node->arguments_count <= options_at + 1;
    if (good && node->arguments_count > options_at) {
        const pyr_bound_expr *of = e->arguments[options_at];
        good = is_text(of) && read_options(of->value.string, replaces, &options, &m->global);
    }
    if (good && replaces) {
        good = is_text(e->arguments[2]);
        m->replacement = e->arguments[2]->value.string;
        m->only = only_group(m->replacement);
    }
    if (good && extracts && node->arguments_count > 2) {
        const pyr_bound_expr *group = e->arguments[2];
        good = group->kind == PYR_BOUND_CONSTANT && !group->is_null &&
               pyr_sql_type_is_integer(group->type) && group->type.id != PYR_SQL_HUGEINT &&
               group->value.i64 >= 0 && group->value.i64 <= 9;
        m->group = good ? (int32_t)group->value.i64 : 0;
    }
    if (good) {
        pyr_string pattern = e->arguments[1]->value.string;
        m->regexp = pyr_regexp_create(pattern.bytes, pattern.length, options);
        good = m->regexp != NULL;
    }
    if (!good) {
        return pyr_eval_not_supported(node, "that regular expression", error);
    }
    PYR_TRY(pyr_eval_cleanup_add(eval, destroy_regexp, m->regexp, error));
    int groups = pyr_regexp_groups(m->regexp);
    if (m->group > groups || (replaces && !replacement_good(m->replacement, groups))) {
        return pyr_eval_not_supported(node, "a group that the regular expression has not", error);
    }
    node->extra = m;
    node->run = replaces || extracts ? run_text : run_bits;
    return PYR_OK;
}
