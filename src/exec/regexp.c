/* regexp.c - one compiled pattern of PCRE2. A text is looked at before, so that what is no UTF-8
 * does no harm; steps and memory are bounded, so that no pattern stops the engine. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "exec/regexp.h"

#include "base/cursor.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 20000000u
#define JIT_STACK_MIN_BYTES ((size_t)32 << 10)
#define JIT_STACK_MAX_BYTES ((size_t)8 << 20)

struct pyr_regexp {
    pcre2_code *code;
    /* The same pattern over bytes, which is faster: for texts of ASCII. NULL: the pattern itself is
     * not of ASCII alone. */
    pcre2_code *ascii;
    /* Of a pattern X.*$, X over bytes: where it matches and no line ends behind it, all the rest
     * belongs to the match, which need not be gone through byte by byte. NULL: not so. */
    pcre2_code *head;
    bool dot_all;
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    int groups;
    const pcre2_code *now; /* what the text at hand is matched by */
    bool jit;              /* all of them */
};

static pcre2_code *compile(const char *pattern, size_t length, bool utf,
                           pyr_regexp_options options) {
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        return NULL;
    }
    uint32_t flags = PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C;
    flags |= utf ? PCRE2_UTF : 0; /* MATCH_INVALID_UTF: its JIT misses \W beyond ASCII (10.42) */
    flags |= options.ignore_case ? PCRE2_CASELESS : 0;
    flags |= options.dot_all ? PCRE2_DOTALL : 0;
    flags |= options.full ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
    int code = 0;
    PCRE2_SIZE offset = 0;
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern, length, flags, &code, &offset, context);
    pcre2_compile_context_free(context);
    return compiled;
}

/* Behind a character class that begins at `at`; length where it does not end. */
static size_t skip_class(const uint8_t *pattern, size_t length, size_t at) {
    at += at + 1 < length && pattern[at + 1] == '^' ? 2 : 1;
    at += at < length && pattern[at] == ']' ? 1 : 0;
    while (at < length && pattern[at] != ']') {
        at += pattern[at] == '\\' ? 2 : 1;
    }
    return at < length ? at + 1 : length + 1;
}

/* How long X is in a pattern X.*$ that has no alternatives at the top, and no flags; 0: it is no
 * such pattern, or looks as if it might not be. */
static size_t head_length(const uint8_t *pattern, size_t length) {
    if (length < 4 || memcmp(pattern + length - 3, ".*$", 3) != 0) {
        return 0;
    }
    size_t end = length - 3;
    int depth = 0;
    size_t at = 0;
    while (at < end) {
        uint8_t c = pattern[at];
        bool flags = c == '(' && at + 2 < end && pattern[at + 1] == '?' && pattern[at + 2] != ':';
        bool quotes = c == '\\' && pattern[at + 1] == 'Q';
        bool names = c == '[' && memchr(pattern + at + 1, '[', end - at - 1) != NULL;
        if (flags || quotes || names || (c == '|' && depth == 0)) {
            return 0;
        }
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        at = c == '[' ? skip_class(pattern, end, at) : c == '\\' ? at + 2 : at + 1;
    }
    return at == end && depth == 0 ? end : 0;
}

static pcre2_code *compile_head(const uint8_t *pattern, size_t length, pyr_regexp_options options) {
    size_t head = options.literal || options.full ? 0 : head_length(pattern, length);
    int groups = 0;
    pcre2_code *code = NULL;
    pyr_text translated;
    pyr_text_init(&translated);
    if (head > 0 && pyr_regexp_translate(pattern, head, &translated, &groups) &&
        !translated.failed) {
        code = compile(pyr_text_get(&translated), translated.length, false, options);
    }
    pyr_text_deinit(&translated);
    return code;
}

static bool compile_jit(const pyr_regexp *regexp) {
    pcre2_code *const codes[] = {regexp->code, regexp->ascii, regexp->head};
    bool all = true;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); ++i) {
        all = all && (codes[i] == NULL || pcre2_jit_compile(codes[i], PCRE2_JIT_COMPLETE) == 0);
    }
    return all;
}

pyr_regexp *pyr_regexp_create(const uint8_t *pattern, size_t length, pyr_regexp_options options) {
    pyr_text translated;
    pyr_text_init(&translated);
    int groups = 0;
    pyr_regexp *regexp = calloc(1, sizeof *regexp);
    bool good = regexp != NULL;
    if (options.literal) {
        for (size_t i = 0; i < length; ++i) {
            pyr_text_printf(&translated, pattern[i] < 0x80 ? "\\x{%X}" : "%c", pattern[i]);
        }
    } else {
        good = good && pyr_regexp_translate(pattern, length, &translated, &groups);
    }
    if (good && !translated.failed) {
        const char *text = pyr_text_get(&translated);
        regexp->code = compile(text, translated.length, true, options);
        if (pyr_utf8_is_ascii((const uint8_t *)text, translated.length)) {
            regexp->ascii = compile(text, translated.length, false, options);
            regexp->head = compile_head(pattern, length, options);
            regexp->dot_all = options.dot_all;
        }
    }
    pyr_text_deinit(&translated);
    if (!good || regexp->code == NULL) {
        pyr_regexp_destroy(regexp);
        return NULL;
    }
    regexp->groups = groups;
    regexp->data = pcre2_match_data_create_from_pattern(regexp->code, NULL);
    regexp->context = pcre2_match_context_create(NULL);
    if (regexp->data == NULL || regexp->context == NULL) {
        pyr_regexp_destroy(regexp);
        return NULL;
    }
    (void)pcre2_set_match_limit(regexp->context, STEPS_MAX);
    regexp->jit = compile_jit(regexp);
    if (regexp->jit) { /* without a stack of its own it has 32 KiB */
        regexp->stack = pcre2_jit_stack_create(JIT_STACK_MIN_BYTES, JIT_STACK_MAX_BYTES, NULL);
        pcre2_jit_stack_assign(regexp->context, NULL, regexp->stack);
    }
    return regexp;
}

void pyr_regexp_destroy(pyr_regexp *regexp) {
    if (regexp == NULL) {
        return;
    }
    pcre2_match_data_free(regexp->data);
    pcre2_match_context_free(regexp->context);
    pcre2_jit_stack_free(regexp->stack);
    pcre2_code_free(regexp->code);
    pcre2_code_free(regexp->ascii);
    pcre2_code_free(regexp->head);
    free(regexp);
}
int pyr_regexp_groups(const pyr_regexp *regexp) {
    return regexp->groups;
}

static int run(const pyr_regexp *regexp, const pcre2_code *code, PCRE2_SPTR bytes, size_t length,
               size_t start) {
    return regexp->jit
               ? pcre2_jit_match(code, bytes, length, start, 0, regexp->data, regexp->context)
               : pcre2_match(code, bytes, length, start, PCRE2_NO_UTF_CHECK, regexp->data,
                             regexp->context);
}

/* As run, of X.*$ by X alone. Where a line ends in the rest another match of X may do: then the
 * whole pattern decides. */
static int run_head(const pyr_regexp *regexp, PCRE2_SPTR bytes, size_t length, size_t start) {
    int found = run(regexp, regexp->head, bytes, length, start);
    size_t *places = pcre2_get_ovector_pointer(regexp->data);
    if (found > 0 && !regexp->dot_all &&
        memchr(bytes + places[1], '\n', length - places[1]) != NULL) {
        return run(regexp, regexp->now, bytes, length, start);
    }
    if (found > 0) {
        places[1] = length;
    }
    return found;
}

int pyr_regexp_match(pyr_regexp *regexp, pyr_string text, size_t start) {
    PCRE2_SPTR bytes = text.length > 0 ? text.bytes : (PCRE2_SPTR) "";
    if (start == 0) {
        regexp->now = regexp->code;
        if (pyr_utf8_is_ascii(bytes, text.length)) {
            regexp->now = regexp->ascii != NULL ? regexp->ascii : regexp->code;
        } else if (!pyr_utf8_valid(bytes, text.length)) {
            return PYR_REGEXP_NO_UTF8;
        }
    }
    int found = regexp->head != NULL && regexp->now == regexp->ascii
                    ? run_head(regexp, bytes, text.length, start)
                    : run(regexp, regexp->now, bytes, text.length, start);
    return found > 0 ? found : found == PCRE2_ERROR_NOMATCH ? PYR_REGEXP_NONE : PYR_REGEXP_LIMIT;
}
const size_t *pyr_regexp_places(const pyr_regexp *regexp) {
    return pcre2_get_ovector_pointer(regexp->data);
}
