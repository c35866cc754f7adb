/* eval_like.c - LIKE, ILIKE, prefixes, suffixes and contained text. A constant pattern is taken
 * apart once: pieces of text between '%' are looked for one after the other, and one piece alone by
 * a search over the whole column's bytes. */
#include "exec/eval_internal.h"

typedef struct pattern pattern;
typedef bool match_function(const pyr_eval *eval, const pattern *p, pyr_string text);
struct pattern {
    match_function *match;
    bool lower;      /* ILIKE: both are lower-cased before */
    bool from_start; /* the first piece begins the text */
    bool to_end;     /* the last piece ends it */
    int32_t pieces_count;
    pyr_string *pieces; /* without escapes, none empty */
    pyr_string whole;   /* as it was written */
    int escape;         /* -1: none */
};

/* ---- Matching one text. ---- */

static bool equal(pyr_string a, pyr_string b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}
static bool starts(pyr_string text, pyr_string with) {
    return text.length >= with.length &&
           (with.length == 0 || memcmp(text.bytes, with.bytes, with.length) == 0);
}
static bool ends(pyr_string text, pyr_string with) {
    return text.length >= with.length &&
           (with.length == 0 ||
            memcmp(text.bytes + (text.length - with.length), with.bytes, with.length) == 0);
}
static bool holds(const pyr_eval *eval, pyr_string text, pyr_string needle) {
    return needle.length == 0 || eval->kernels->find(text.bytes, (int64_t)text.length, needle.bytes,
                                                     (int64_t)needle.length) >= 0;
}
static bool match_equal(const pyr_eval *eval, const pattern *p, pyr_string text) {
    (void)eval;
    return equal(text, p->pieces[0]);
}
static bool match_start(const pyr_eval *eval, const pattern *p, pyr_string text) {
    (void)eval;
    return starts(text, p->pieces[0]);
}
static bool match_end(const pyr_eval *eval, const pattern *p, pyr_string text) {
    (void)eval;
    return ends(text, p->pieces[0]);
}
static bool match_contained(const pyr_eval *eval, const pattern *p, pyr_string text) {
    return holds(eval, text, p->pieces[0]);
}
static bool match_all(const pyr_eval *eval, const pattern *p, pyr_string text) {
    (void)eval;
    (void)p;
    (void)text;
    return true;
}
static bool match_empty(const pyr_eval *eval, const pattern *p, pyr_string text) {
    (void)eval;
    (void)p;
    return text.length == 0;
}
/* Each piece as far left as it goes; that leaves the most for the ones behind it. */
static bool match_pieces(const pyr_eval *eval, const pattern *p, pyr_string text) {
    int32_t first = 0, end = p->pieces_count;
    if (p->from_start) {
        if (!starts(text, p->pieces[0])) {
            return false;
        }
        text.bytes += p->pieces[0].length;
        text.length -= p->pieces[0].length;
        first = 1;
    }
    if (p->to_end) {
        if (!ends(text, p->pieces[end - 1])) {
            return false;
        }
        text.length -= p->pieces[--end].length;
    }
    for (int32_t i = first; i < end; ++i) {
        pyr_string piece = p->pieces[i];
        int64_t at = text.length < piece.length
                         ? -1
                         : eval->kernels->find(text.bytes, (int64_t)text.length, piece.bytes,
                                               (int64_t)piece.length);
        if (at < 0) {
            return false;
        }
        text.bytes += (uint64_t)at + piece.length;
        text.length -= (uint64_t)at + piece.length;
    }
    return true;
}
/* '_' is one character. After a mismatch the last '%' takes one byte more. */
static bool match_like(pyr_string like, int escape, pyr_string text) {
    uint64_t p = 0, s = 0, star_p = 0, star_s = 0;
    bool star = false;
    while (s < text.length) {
        int c = p < like.length ? like.bytes[p] : -1;
        if (c == '%' && c != escape) {
            star = true;
            star_p = ++p;
            star_s = s;
            continue;
        }
        if (c == '_' && c != escape) {
            ++p;
            do {
                ++s;
            } while (s < text.length && (text.bytes[s] & 0xC0) == 0x80);
            continue;
        }
        if (c >= 0 && c == escape) {
            c = p + 1 < like.length ? like.bytes[p + 1] : -1;
            p += c >= 0 && c == text.bytes[s] ? 1 : 0;
        }
        if (c >= 0 && c == text.bytes[s]) {
            ++p;
            ++s;
        } else if (star) {
            p = star_p;
            s = ++star_s;
        } else {
            return false;
        }
    }
    while (p < like.length && like.bytes[p] == '%' && escape != '%') {
        ++p;
    }
    return p == like.length;
}
static bool match_general(const pyr_eval *eval, const pattern *p, pyr_string text) {
    (void)eval;
    return match_like(p->whole, p->escape, text);
}

/* ---- Columns. ---- */

/* What the kernels do for all rows at once. */
static bool run_dense(pyr_eval *eval, const pattern *p, const pyr_vector *v, pyr_eval_rows *rows,
                      uint64_t *out) {
    if (v->offsets == NULL || p->lower || rows->selected * 8 < rows->rows) {
        return false;
    }
    if (p->match == match_equal) {
        eval->kernels->equal_string(v->bytes, v->offsets, rows->rows, p->pieces[0], out);
        return true;
    }
    if (p->match != match_contained) {
        return false;
    }
    eval->kernels->contains(v->bytes, v->bytes_readable, v->offsets, rows->rows, p->pieces[0].bytes,
                            (int64_t)p->pieces[0].length, out);
    return true;
}

static pyr_status run_pattern(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                              pyr_error *error) {
    const pattern *p = node->extra;
    PYR_TRY(pyr_eval_node_run(eval, node->arguments[0], rows, error));
    const pyr_vector *v = pyr_eval_argument(node, 0);
    if (pyr_vector_null(v)) {
        pyr_eval_set_null(node);
        return PYR_OK;
    }
    uint64_t *out = node->buffer.data;
    const uint64_t *validity = v->constant ? NULL : v->validity;
    if (v->constant || !run_dense(eval, p, v, rows, out)) {
        const uint16_t *list = NULL;
        int32_t count = v->constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
        memset(out, 0, PYR_VECTOR_WORDS * 8);
        for (int32_t k = 0; k < count; ++k) {
            int32_t row = list != NULL ? list[k] : k;
            pyr_string text = pyr_vector_string(v, row);
            if (p->lower && !pyr_eval_lower(eval, text, &text)) {
                return pyr_arena_error(&eval->arena, error);
            }
            out[row >> 6] |= (uint64_t)p->match(eval, p, text) << (row & 63);
        }
    }
    pyr_eval_set_out(node, v->constant, validity);
    return PYR_OK;
}

/* A pattern, prefix and so on that differs from row to row. */
static pyr_status run_pair(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                           pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    bool constant = pyr_eval_all_constant(node);
    const uint64_t *validity = pyr_eval_validity(eval, node, rows->rows);
    const uint16_t *list = NULL;
    int32_t count = constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    uint64_t *out = node->buffer.data;
    memset(out, 0, PYR_VECTOR_WORDS * 8);
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        pyr_string text = pyr_vector_string(pyr_eval_argument(node, 0), row);
        pyr_string with = pyr_vector_string(pyr_eval_argument(node, 1), row);
        bool hit = false;
        switch (node->expression->op) {
        case PYR_OP_STARTS_WITH:
            hit = starts(text, with);
            break;
        case PYR_OP_ENDS_WITH:
            hit = ends(text, with);
            break;
        case PYR_OP_CONTAINS:
            hit = holds(eval, text, with);
            break;
        case PYR_OP_ILIKE:
            if (!pyr_eval_lower(eval, text, &text) || !pyr_eval_lower(eval, with, &with)) {
                return pyr_arena_error(&eval->arena, error);
            }
            hit = match_like(with, -1, text);
            break;
        default:
            hit = match_like(with, -1, text);
            break;
        }
        out[row >> 6] |= (uint64_t)hit << (row & 63);
    }
    pyr_eval_set_out(node, constant, validity);
    return PYR_OK;
}

/* ---- The choice. ---- */

/* Cuts whole at '%' into pieces; false: '_' is in it, or memory is out. */
static bool cut(pyr_eval *eval, pattern *p) {
    uint8_t *bytes = pyr_arena_alloc(&eval->arena, p->whole.length + 1);
    p->pieces = pyr_arena_array(&eval->arena, p->whole.length + 1, sizeof(pyr_string));
    if (bytes == NULL || p->pieces == NULL) {
        return false;
    }
    uint64_t start = 0, to = 0;
    bool percent = false; /* the last that was seen */
    for (uint64_t i = 0; i < p->whole.length; ++i) {
        int c = p->whole.bytes[i];
        percent = c == '%' && c != p->escape;
        if (c == '_' && c != p->escape) {
            return false;
        }
        if (!percent) {
            i += c == p->escape ? 1 : 0;
            bytes[to++] = p->whole.bytes[i];
            continue;
        }
        if (to > start) {
            p->pieces[p->pieces_count++] = (pyr_string){bytes + start, to - start};
            start = to;
        }
    }
    if (to > start) {
        p->pieces[p->pieces_count++] = (pyr_string){bytes + start, to - start};
    }
    p->from_start = p->whole.length > 0 && (p->whole.bytes[0] != '%' || p->escape == '%') &&
                    p->pieces_count > 0;
    p->to_end = !percent && p->pieces_count > 0;
    return true;
}
static void classify(pyr_eval *eval, pattern *p) {
    if (!cut(eval, p)) {
        p->match = match_general;
        return;
    }
    bool start = p->from_start, end = p->to_end;
    if (p->pieces_count == 0) {
        p->match = p->whole.length > 0 ? match_all : match_empty;
    } else if (p->pieces_count > 1) {
        p->match = match_pieces;
    } else {
        p->match = start && end ? match_equal
                   : start      ? match_start
                   : end        ? match_end
                                : match_contained;
    }
}

/* The third argument: no character, or one byte. */
static bool read_escape(const pyr_eval_node *node, int *escape) {
    *escape = -1;
    if (node->arguments_count < 3) {
        return true;
    }
    const pyr_bound_expr *e = node->expression->arguments[2];
    if (e->kind != PYR_BOUND_CONSTANT || e->is_null || e->value.string.length > 1) {
        return false;
    }
    if (e->value.string.length == 1) {
        *escape = e->value.string.bytes[0];
    }
    return true;
}
/* An escape that escapes nothing is the other engine's error. */
static bool ends_in_escape(const pattern *p) {
    for (uint64_t i = 0; p->escape >= 0 && i < p->whole.length; ++i) {
        if (p->whole.bytes[i] == p->escape && ++i == p->whole.length) {
            return true;
        }
    }
    return false;
}

pyr_status pyr_eval_choose_like(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    bool like = e->op == PYR_OP_LIKE || e->op == PYR_OP_ILIKE;
    pattern *p = pyr_arena_alloc(&eval->arena, sizeof *p);
    if (p == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        if (node->arguments[i]->physical != PYR_PHYSICAL_STRING) {
            return pyr_eval_not_supported(node, "a pattern", error);
        }
    }
    const pyr_bound_expr *second = e->arguments[1];
    bool constant = second->kind == PYR_BOUND_CONSTANT && !second->is_null;
    if (!read_escape(node, &p->escape) || (p->escape >= 0 && !constant)) {
        return pyr_eval_not_supported(node, "LIKE with that ESCAPE", error);
    }
    node->run = constant ? run_pattern : run_pair;
    if (!constant) {
        return PYR_OK;
    }
    p->whole = second->value.string;
    p->lower = e->op == PYR_OP_ILIKE;
    if (p->lower && !pyr_eval_lower_kept(eval, &p->whole)) {
        return pyr_arena_error(&eval->arena, error);
    }
    node->extra = p;
    if (ends_in_escape(p)) {
        return pyr_eval_not_supported(node, "LIKE with a pattern that ends in its escape", error);
    }
    if (like) {
        classify(eval, p);
        return PYR_OK;
    }
    p->pieces = &p->whole;
    p->match = p->whole.length == 0          ? match_all
               : e->op == PYR_OP_STARTS_WITH ? match_start
               : e->op == PYR_OP_ENDS_WITH   ? match_end
                                             : match_contained;
    return PYR_OK;
}
