/* eval_text.c - functions of text, one text at a time: each is a function over the arguments of a
 * row. Results are parts of their arguments where they can be, else bytes of the run. */
#include "exec/eval_internal.h"

#include <utf8proc.h>

#define ARGUMENTS_MAX 4
#define TEXT_MAX ((size_t)1 << 31) /* of one result */

/* An argument of one row: a text or a number. */
typedef struct text_argument {
    pyr_string s;
    int64_t i;
} text_argument;
typedef struct text_result {
    pyr_string s;
    int64_t i;
} text_result;
typedef enum outcome { GOOD, NO_MEMORY, TOO_LONG, BAD } outcome;
typedef outcome text_function(pyr_eval *eval, const text_argument *a, int32_t count,
                              text_result *out);

/* ---- Characters. ---- */

static bool continues(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}
/* Bytes of the first `characters` characters. */
static uint64_t bytes_of(pyr_string s, int64_t characters) {
    uint64_t at = 0;
    for (; at < s.length; ++at) {
        if (!continues(s.bytes[at]) && characters-- <= 0) {
            break;
        }
    }
    return at;
}
static int64_t characters_of(const pyr_eval *eval, pyr_string s) {
    return eval->kernels->utf8_length(s.bytes, (int64_t)s.length);
}
/* Characters [from, to) of a text that has so many or more. */
static pyr_string piece(pyr_string s, int64_t from, int64_t to) {
    uint64_t start = bytes_of(s, from);
    pyr_string rest = {s.bytes + start, s.length - start};
    rest.length = bytes_of(rest, to - from);
    return rest;
}
static const pyr_string empty = {(const uint8_t *)"", 0};

/* ---- Parts. ---- */

/* From 1; from the end where negative; a negative length is what stands before. */
static pyr_string substring(const pyr_eval *eval, pyr_string s, int64_t offset, int64_t length) {
    int64_t size = 0, start = offset - 1;
    if (offset < 0 || length < 0) {
        size = characters_of(eval, s);
        start = offset < 0 ? size + offset : offset - 1;
    } else {
        size = (int64_t)s.length; /* as many at most */
    }
    if (offset == 0) {
        start = 0;
        length = length > 0 ? length - 1 : length;
    }
    int64_t end = length > 0 ? start + length : start;
    start = length > 0 ? start : start + length;
    end = end > size ? size : end;
    start = start < 0 ? 0 : start;
    return start >= end ? empty : piece(s, start, end);
}
/* What DuckDB takes for a place or a length. */
#define CHARACTERS_MAX ((int64_t)UINT32_MAX)
static bool is_place(int64_t characters) {
    return characters <= CHARACTERS_MAX && characters >= -CHARACTERS_MAX - 1;
}
static outcome substring_of(pyr_eval *eval, const text_argument *a, int32_t count,
                            text_result *out) {
    int64_t length = count > 2 ? a[2].i : CHARACTERS_MAX;
    if (!is_place(a[1].i) || !is_place(length)) {
        return BAD;
    }
    out->s = substring(eval, a[0].s, a[1].i, length);
    return GOOD;
}
static outcome left_of(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    int64_t wanted = a[1].i;
    if (wanted > CHARACTERS_MAX) {
        return BAD;
    }
    if (wanted < 0) {
        int64_t size = characters_of(eval, a[0].s);
        wanted = wanted <= -size ? 0 : size + wanted;
    }
    out->s = piece(a[0].s, 0, wanted);
    return GOOD;
}
static outcome right_of(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    int64_t size = characters_of(eval, a[0].s), wanted = a[1].i;
    int64_t skip =
        wanted < 0 ? (wanted <= -size ? size : -wanted) : (wanted >= size ? 0 : size - wanted);
    out->s = piece(a[0].s, skip, size);
    return GOOD;
}

/* Whether the character at bytes is one that goes: a space of any kind, or one of the set. */
static bool goes(const uint8_t *bytes, uint64_t length, const pyr_string *set) {
    if (set == NULL) {
        utf8proc_int32_t code = -1;
        (void)utf8proc_iterate(bytes, (utf8proc_ssize_t)length, &code);
        return code >= 0 && utf8proc_category(code) == UTF8PROC_CATEGORY_ZS;
    }
    for (uint64_t at = 0; at < set->length;) {
        uint64_t end = at + 1;
        while (end < set->length && continues(set->bytes[end])) {
            ++end;
        }
        if (end - at == length && memcmp(set->bytes + at, bytes, length) == 0) {
            return true;
        }
        at = end;
    }
    return false;
}
static pyr_string trim(pyr_string s, const pyr_string *set, bool left, bool right) {
    while (left && s.length > 0) {
        uint64_t size = bytes_of(s, 1);
        if (!goes(s.bytes, size, set)) {
            break;
        }
        s.bytes += size;
        s.length -= size;
    }
    while (right && s.length > 0) {
        uint64_t at = s.length - 1;
        while (at > 0 && continues(s.bytes[at])) {
            --at;
        }
        if (!goes(s.bytes + at, s.length - at, set)) {
            break;
        }
        s.length = at;
    }
    return s;
}
#define TRIM(NAME, LEFT, RIGHT)                                                                    \
    static outcome NAME(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) { \
        (void)eval;                                                                                \
        out->s = trim(a[0].s, count > 1 ? &a[1].s : NULL, LEFT, RIGHT);                            \
        return GOOD;                                                                               \
    }
TRIM(trim_both, true, true)
TRIM(trim_left, true, false)
TRIM(trim_right, false, true)

static int64_t find(const pyr_eval *eval, pyr_string s, uint64_t from, pyr_string needle) {
    if (s.length - from < needle.length) {
        return -1;
    }
    int64_t at = eval->kernels->find(s.bytes + from, (int64_t)(s.length - from), needle.bytes,
                                     (int64_t)needle.length);
    return at < 0 ? -1 : at + (int64_t)from;
}
/* Parts between separators; every character is one where the separator is empty. */
static outcome split_part(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    pyr_string s = a[0].s, separator = a[1].s;
    int64_t wanted = a[2].i, parts = 1;
    out->s = empty;
    if (separator.length == 0) {
        int64_t size = characters_of(eval, s);
        int64_t at = wanted < 0 ? (wanted < -size ? size : size + wanted) : wanted - 1;
        out->s = wanted == 0 || at >= size ? empty : piece(s, at, at + 1);
        return GOOD;
    }
    if (wanted < 0) {
        for (int64_t at = find(eval, s, 0, separator); at >= 0;
             at = find(eval, s, (uint64_t)at + separator.length, separator)) {
            ++parts;
        }
        wanted = wanted < -parts ? 0 : parts + wanted + 1;
    }
    uint64_t from = 0;
    for (int64_t i = 1; wanted > 0; ++i) {
        int64_t at = find(eval, s, from, separator);
        if (i == wanted) {
            uint64_t end = at < 0 ? s.length : (uint64_t)at;
            out->s = (pyr_string){s.bytes + from, end - from};
            return GOOD;
        }
        if (at < 0) {
            return GOOD;
        }
        from = (uint64_t)at + separator.length;
    }
    return GOOD;
}

/* ---- Made anew. ---- */

static outcome make(pyr_eval *eval, uint64_t length, uint8_t **out) {
    if (length > TEXT_MAX) {
        return TOO_LONG;
    }
    *out = pyr_eval_text(eval, length);
    return *out == NULL ? NO_MEMORY : GOOD;
}
static void put(uint8_t *to, uint64_t *length, pyr_string s) {
    if (s.length > 0) {
        memcpy(to + *length, s.bytes, s.length);
        *length += s.length;
    }
}

static outcome change_case(pyr_eval *eval, pyr_string s, bool upper, text_result *out) {
    uint8_t *bytes = NULL;
    outcome made = make(eval, pyr_text_case_bytes(s), &bytes);
    if (made == GOOD) {
        out->s = (pyr_string){bytes, pyr_text_case(s, upper, bytes)};
    }
    return made;
}
static outcome lower(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    return change_case(eval, a[0].s, false, out);
}
static outcome upper(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    return change_case(eval, a[0].s, true, out);
}

static outcome replace(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    pyr_string s = a[0].s, from = a[1].s, to = a[2].s;
    out->s = s;
    uint64_t hits = 0;
    for (int64_t at = from.length == 0 ? -1 : find(eval, s, 0, from); at >= 0;
         at = find(eval, s, (uint64_t)at + from.length, from)) {
        ++hits;
    }
    if (hits == 0) {
        return GOOD;
    }
    uint8_t *bytes = NULL;
    outcome made = make(eval, s.length - hits * from.length + hits * to.length, &bytes);
    if (made != GOOD) {
        return made;
    }
    uint64_t length = 0, at = 0;
    for (; hits > 0; --hits) {
        uint64_t hit = (uint64_t)find(eval, s, at, from);
        put(bytes, &length, (pyr_string){s.bytes + at, hit - at});
        put(bytes, &length, to);
        at = hit + from.length;
    }
    put(bytes, &length, (pyr_string){s.bytes + at, s.length - at});
    out->s = (pyr_string){bytes, length};
    return GOOD;
}

/* By what a reader sees as one: accents stay with their letters. ASCII by bytes, as DuckDB does it:
 * there a line's two ends change places. */
static outcome reverse(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    pyr_string s = a[0].s;
    uint8_t *bytes = NULL;
    outcome made = make(eval, s.length, &bytes);
    if (made != GOOD) {
        return made;
    }
    out->s = (pyr_string){bytes, s.length};
    if (pyr_utf8_is_ascii(s.bytes, s.length)) {
        for (uint64_t i = 0; i < s.length; ++i) {
            bytes[s.length - 1 - i] = s.bytes[i];
        }
        return GOOD;
    }
    utf8proc_int32_t state = 0, before = 0;
    uint64_t start = 0, to = s.length;
    for (uint64_t at = 0; at <= s.length;) {
        utf8proc_int32_t code = -1;
        utf8proc_ssize_t size = 1;
        if (at < s.length) {
            size = utf8proc_iterate(s.bytes + at, (utf8proc_ssize_t)(s.length - at), &code);
            size = size < 1 ? 1 : size;
        }
        bool border = at > 0 && (at == s.length || code < 0 || before < 0 ||
                                 utf8proc_grapheme_break_stateful(before, code, &state));
        if (border) {
            to -= at - start;
            memcpy(bytes + to, s.bytes + start, at - start);
            start = at;
        }
        before = code;
        at += (uint64_t)size;
    }
    return GOOD;
}

static outcome repeat(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    out->s = empty;
    if (a[1].i <= 0 || a[0].s.length == 0) {
        return GOOD;
    }
    uint8_t *bytes = NULL;
    uint64_t total = 0, length = 0;
    if (__builtin_mul_overflow(a[0].s.length, (uint64_t)a[1].i, &total)) {
        return TOO_LONG;
    }
    outcome made = make(eval, total, &bytes);
    if (made == GOOD) {
        while (length < total) {
            put(bytes, &length, a[0].s);
        }
        out->s = (pyr_string){bytes, length};
    }
    return made;
}

/* To so many characters, with the pad's over and over; what is longer is cut. */
static outcome pad(pyr_eval *eval, const text_argument *a, bool left, text_result *out) {
    int64_t size = characters_of(eval, a[0].s), wanted = a[1].i < 0 ? 0 : a[1].i;
    pyr_string with = a[2].s;
    if (wanted <= size) {
        out->s = piece(a[0].s, 0, wanted);
        return GOOD;
    }
    if (with.length == 0) {
        return BAD;
    }
    int64_t missing = wanted - size, of_pad = characters_of(eval, with);
    if (missing > (int64_t)TEXT_MAX || of_pad == 0) {
        return TOO_LONG;
    }
    pyr_string rest = piece(with, 0, missing % of_pad);
    uint64_t whole = (uint64_t)(missing / of_pad), length = 0;
    uint8_t *bytes = NULL;
    outcome made = make(eval, a[0].s.length + whole * with.length + rest.length, &bytes);
    if (made != GOOD) {
        return made;
    }
    if (!left) {
        put(bytes, &length, a[0].s);
    }
    for (uint64_t i = 0; i < whole; ++i) {
        put(bytes, &length, with);
    }
    put(bytes, &length, rest);
    if (left) {
        put(bytes, &length, a[0].s);
    }
    out->s = (pyr_string){bytes, length};
    return GOOD;
}
static outcome pad_left(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    return pad(eval, a, true, out);
}
static outcome pad_right(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    return pad(eval, a, false, out);
}

static outcome join_two(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    uint8_t *bytes = NULL;
    uint64_t length = 0;
    outcome made = make(eval, a[0].s.length + a[1].s.length, &bytes);
    if (made == GOOD) {
        put(bytes, &length, a[0].s);
        put(bytes, &length, a[1].s);
        out->s = (pyr_string){bytes, length};
    }
    return made;
}
static outcome chr(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    uint8_t *bytes = NULL;
    if (a[0].i < 0 || a[0].i > 0x10FFFF || (a[0].i >= 0xD800 && a[0].i < 0xE000)) {
        return BAD;
    }
    outcome made = make(eval, 4, &bytes);
    if (made == GOOD) {
        out->s =
            (pyr_string){bytes, (uint64_t)utf8proc_encode_char((utf8proc_int32_t)a[0].i, bytes)};
    }
    return made;
}

/* ---- Numbers. ---- */

static outcome position(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)count;
    int64_t at = a[1].s.length == 0 ? 0 : find(eval, a[0].s, 0, a[1].s);
    out->i = at < 0 ? 0 : characters_of(eval, (pyr_string){a[0].s.bytes, (uint64_t)at}) + 1;
    return GOOD;
}
static outcome ascii(pyr_eval *eval, const text_argument *a, int32_t count, text_result *out) {
    (void)eval;
    (void)count;
    utf8proc_int32_t code = 0;
    out->i = 0;
    if (a[0].s.length > 0) {
        (void)utf8proc_iterate(a[0].s.bytes, (utf8proc_ssize_t)a[0].s.length, &code);
        out->i = code < 0 ? a[0].s.bytes[0] : code;
    }
    return GOOD;
}

/* ---- Columns. ---- */

typedef struct text_operation {
    const char *name;
    text_function *function;
    int32_t fewest, most;  /* arguments */
    const char *arguments; /* 's': text, 'i': INTEGER or BIGINT */
} text_operation;
static const text_operation operations[] = {
    [PYR_OP_LOWER] = {"lower", lower, 1, 1, "s"},
    [PYR_OP_UPPER] = {"upper", upper, 1, 1, "s"},
    [PYR_OP_SUBSTRING] = {"substring", substring_of, 2, 3, "sii"},
    [PYR_OP_LEFT] = {"left", left_of, 2, 2, "si"},
    [PYR_OP_RIGHT] = {"right", right_of, 2, 2, "si"},
    [PYR_OP_TRIM] = {"trim", trim_both, 1, 2, "ss"},
    [PYR_OP_LTRIM] = {"ltrim", trim_left, 1, 2, "ss"},
    [PYR_OP_RTRIM] = {"rtrim", trim_right, 1, 2, "ss"},
    [PYR_OP_REPLACE] = {"replace", replace, 3, 3, "sss"},
    [PYR_OP_REVERSE] = {"reverse", reverse, 1, 1, "s"},
    [PYR_OP_REPEAT] = {"repeat", repeat, 2, 2, "si"},
    [PYR_OP_LPAD] = {"lpad", pad_left, 3, 3, "sis"},
    [PYR_OP_RPAD] = {"rpad", pad_right, 3, 3, "sis"},
    [PYR_OP_POSITION] = {"position", position, 2, 2, "ss"},
    [PYR_OP_SPLIT_PART] = {"split_part", split_part, 3, 3, "ssi"},
    [PYR_OP_CONCAT] = {"||", join_two, 2, 2, "ss"},
    [PYR_OP_ASCII] = {"ascii", ascii, 1, 1, "s"},
    [PYR_OP_CHR] = {"chr", chr, 1, 1, "i"},
};

static void load(const pyr_vector *v, int32_t row, text_argument *out) {
    if (v->physical == PYR_PHYSICAL_STRING) {
        out->s = pyr_vector_string(v, row);
    } else if (v->physical == PYR_PHYSICAL_I32) {
        out->i = ((const int32_t *)v->data)[v->constant ? 0 : row];
    } else {
        out->i = ((const int64_t *)v->data)[v->constant ? 0 : row];
    }
}
static pyr_status fail(const pyr_eval *eval, const pyr_eval_node *node, outcome why,
                       const text_argument *a, pyr_error *error) {
    if (why == NO_MEMORY) {
        return pyr_arena_error(&eval->arena, error);
    }
    if (why == TOO_LONG) {
        return pyr_error_set_sql(error, PYR_ERROR_LIMIT, "54000", node->expression->offset,
                                 "a text of more than 2 GiB is too long");
    }
    switch (node->expression->op) {
    case PYR_OP_SUBSTRING:
    case PYR_OP_LEFT:
        return pyr_eval_error(
            node, "22003", error, "Substring %s outside of supported range (> 4294967295)",
            node->expression->op == PYR_OP_SUBSTRING && !is_place(a[1].i) ? "offset" : "length");
    case PYR_OP_CHR:
        return pyr_eval_error(node, "22023", error, "Invalid UTF8 Codepoint %lld",
                              (long long)a[0].i);
    default:
        return pyr_eval_error(node, "22023", error, "Insufficient padding in %s.",
                              node->expression->op == PYR_OP_LPAD ? "LPAD" : "RPAD");
    }
}
static pyr_status run_rows(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                           pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    text_function *function = operations[node->expression->op].function;
    bool constant = pyr_eval_all_constant(node);
    const uint64_t *validity = pyr_eval_validity(eval, node, rows->rows);
    const uint16_t *list = NULL;
    int32_t count = constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    text_argument a[ARGUMENTS_MAX];
    memset(a, 0, sizeof a);
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        text_result result = {empty, 0};
        for (int32_t i = 0; i < node->arguments_count; ++i) {
            load(pyr_eval_argument(node, i), row, &a[i]);
        }
        outcome why = function(eval, a, node->arguments_count, &result);
        if (why != GOOD) {
            return fail(eval, node, why, a, error);
        }
        switch (node->physical) {
        case PYR_PHYSICAL_STRING:
            ((pyr_string *)node->buffer.data)[row] = result.s;
            break;
        case PYR_PHYSICAL_I32:
            ((int32_t *)node->buffer.data)[row] = (int32_t)result.i;
            break;
        default:
            ((int64_t *)node->buffer.data)[row] = result.i;
            break;
        }
    }
    pyr_eval_set_out(node, constant, validity);
    return PYR_OK;
}

/* Lengths: of Arrow's offsets without a look at the bytes. */
static pyr_status run_length(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                             pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const pyr_vector *v = pyr_eval_argument(node, 0);
    bool bytes = node->expression->op == PYR_OP_STRLEN;
    int64_t *out = node->buffer.data;
    const uint64_t *validity = v->constant ? NULL : v->validity;
    if (bytes && v->offsets != NULL) {
        const int32_t *offsets = v->offsets;
        for (int32_t i = 0; i < rows->rows; ++i) {
            out[i] = offsets[i + 1] - offsets[i];
        }
    } else {
        const uint16_t *list = NULL;
        int32_t count = v->constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
        for (int32_t k = 0; k < count; ++k) {
            int32_t row = list != NULL ? list[k] : k;
            pyr_string s = pyr_vector_string(v, row);
            out[row] = bytes ? (int64_t)s.length : characters_of(eval, s);
        }
    }
    pyr_eval_set_out(node, v->constant, validity);
    return PYR_OK;
}

/* CONCAT, CONCAT_WS: NULLs are left out, but for a separator that is one. */
static pyr_status run_concat(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                             pyr_error *error) {
    bool separated = node->expression->op == PYR_OP_CONCAT_WS;
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        PYR_TRY(pyr_eval_node_run(eval, node->arguments[i], rows, error));
    }
    const pyr_vector *separator = separated ? pyr_eval_argument(node, 0) : NULL;
    if (separated && pyr_vector_null(separator)) {
        pyr_eval_set_null(node);
        return PYR_OK;
    }
    const uint64_t *validity = separated && !separator->constant ? separator->validity : NULL;
    bool constant = pyr_eval_all_constant(node);
    const uint16_t *list = NULL;
    int32_t count = constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        pyr_string between = separated ? pyr_vector_string(separator, row) : empty;
        uint64_t total = 0, length = 0;
        bool first = true;
        for (int32_t i = separated ? 1 : 0; i < node->arguments_count; ++i) {
            const pyr_vector *v = pyr_eval_argument(node, i);
            total +=
                pyr_vector_is_null(v, row) ? 0 : pyr_vector_string(v, row).length + between.length;
        }
        uint8_t *bytes = NULL;
        outcome made = make(eval, total, &bytes);
        if (made != GOOD) {
            return fail(eval, node, made, NULL, error);
        }
        for (int32_t i = separated ? 1 : 0; i < node->arguments_count; ++i) {
            const pyr_vector *v = pyr_eval_argument(node, i);
            if (!pyr_vector_is_null(v, row)) {
                put(bytes, &length, first ? empty : between);
                put(bytes, &length, pyr_vector_string(v, row));
                first = false;
            }
        }
        ((pyr_string *)node->buffer.data)[row] = (pyr_string){bytes, length};
    }
    pyr_eval_set_out(node, constant, validity);
    return PYR_OK;
}

pyr_status pyr_eval_choose_text(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    (void)eval;
    pyr_op op = node->expression->op;
    if ((op == PYR_OP_STRLEN || op == PYR_OP_LENGTH) && node->arguments_count == 1 &&
        node->arguments[0]->physical == PYR_PHYSICAL_STRING && node->physical == PYR_PHYSICAL_I64) {
        node->run = run_length;
        return PYR_OK;
    }
    if (op == PYR_OP_CONCAT_FN || op == PYR_OP_CONCAT_WS) {
        bool texts = node->arguments_count >= 1;
        for (int32_t i = 0; i < node->arguments_count; ++i) {
            texts &= node->arguments[i]->physical == PYR_PHYSICAL_STRING;
        }
        node->run = run_concat;
        return texts ? PYR_OK : pyr_eval_not_supported(node, "concat", error);
    }
    const text_operation *of = &operations[op];
    bool good = of->function != NULL && node->arguments_count >= of->fewest &&
                node->arguments_count <= of->most;
    for (int32_t i = 0; good && i < node->arguments_count; ++i) {
        pyr_physical p = node->arguments[i]->physical;
        good = of->arguments[i] == 's' ? p == PYR_PHYSICAL_STRING
                                       : p == PYR_PHYSICAL_I32 || p == PYR_PHYSICAL_I64;
    }
    node->run = run_rows;
    return good ? PYR_OK
                : pyr_eval_not_supported(node, of->name != NULL ? of->name : "length", error);
}
