/* regexp_translate.c - patterns of RE2 (DuckDB's) written for PCRE2, so that they mean the same.
 *
 * Only what both know is let through; everything else, what RE2 refuses included, is refused, so
 * that the other engine runs the query or says what is wrong. Where the same signs mean different
 * things they are written anew: \s, \v, braces that repeat nothing.
 */
#include "exec/regexp.h"

#include <string.h>

#define DEPTH_MAX 100   /* groups in groups */
#define REPEAT_MAX 1000 /* RE2's */

typedef struct reader {
    const uint8_t *at, *end;
    pyr_text *out;
    int depth;
    int groups;
    int braces;         /* counted repetitions */
    bool atom_nullable; /* what read_atom read may match nothing */
} reader;

static bool is_letter(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}
static int peek(const reader *r, size_t ahead) {
    return (size_t)(r->end - r->at) > ahead ? r->at[ahead] : -1;
}
/* A character that stands for itself. */
static void put_literal(reader *r, int c) {
    if (c < 0x80 && !is_letter(c) && !is_digit(c) && c > ' ') {
        pyr_text_add_char(r->out, '\\');
    }
    pyr_text_add_char(r->out, (char)c);
}

/* \x41 or \x{10FFFF}, at the x; false: none. */
static bool read_hex(reader *r, uint32_t *code) {
    bool braces = peek(r, 1) == '{';
    size_t at = braces ? 2 : 1, digits = 0;
    *code = 0;
    for (; digits < (braces ? 6u : 2u); ++digits, ++at) {
        int c = peek(r, at);
        int value = is_digit(c)                          ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (value < 0) {
            break;
        }
        *code = *code * 16 + (uint32_t)value;
    }
    if (digits == 0 || (!braces && digits != 2) || (braces && peek(r, at) != '}') ||
        *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000)) {
        return false;
    }
    r->at += at + (braces ? 1 : 0);
    return true;
}
/* What stands for one character in a class and outside of it alike, behind the backslash. */
static bool read_escaped_character(reader *r) {
    int c = peek(r, 0);
    uint32_t code = 0;
    switch (c) {
    case 'a':
        code = 7;
        break;
    case 'f':
        code = 12;
        break;
    case 'n':
        code = 10;
        break;
    case 'r':
        code = 13;
        break;
    case 't':
        code = 9;
        break;
    case 'v':
        code = 11;
        break;
    case 'x':
        if (!read_hex(r, &code)) {
            return false;
        }
        pyr_text_printf(r->out, "\\x{%X}", code);
        return true;
    default:
        if (c < 0 || c >= 0x80 || is_letter(c) || is_digit(c) || c <= ' ' || c == 0x7F) {
            return false;
        }
        put_literal(r, c);
        ++r->at;
        return true;
    }
    pyr_text_printf(r->out, "\\x{%X}", code);
    ++r->at;
    return true;
}

/* ---- Classes. ---- */

/* [:alpha:], [:^alpha:]; the at is on its '['. */
static bool read_named_class(reader *r) {
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                        "digit", "graph", "lower", "print", "punct",
                                        "space", "upper", "word",  "xdigit"};
    const uint8_t *name = r->at + 2;
    bool negated = peek(r, 2) == '^';
    name += negated ? 1 : 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        size_t length = strlen(names[i]);
        if ((size_t)(r->end - name) >= length + 2 && memcmp(name, names[i], length) == 0 &&
            name[length] == ':' && name[length + 1] == ']') {
            pyr_text_printf(r->out, "[:%s%s:]", negated ? "^" : "", names[i]);
            r->at = name + length + 2;
            return true;
        }
    }
    return false;
}
/* One member, or the end of a range; *single: it is one character. */
static bool read_member(reader *r, bool *single) {
    int c = peek(r, 0);
    *single = true;
    if (c == '[' && peek(r, 1) == ':') {
        *single = false;
        return read_named_class(r);
    }
    if (c == '[' && (peek(r, 1) == '.' || peek(r, 1) == '=')) {
        return false;
    }
    if (c != '\\') {
        put_literal(r, c);
        ++r->at;
        while (c >= 0x80 && r->at < r->end && (*r->at & 0xC0) == 0x80) {
            pyr_text_add_char(r->out, (char)*r->at++); /* the rest of the character */
        }
        return true;
    }
    ++r->at;
    switch (peek(r, 0)) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
        pyr_text_printf(r->out, "\\%c", *r->at++);
        *single = false;
        return true;
    case 's':
        pyr_text_add(r->out, "\\t\\n\\f\\r\\x20");
        ++r->at;
        *single = false;
        return true;
    default:
        return read_escaped_character(r);
    }
}
static bool read_class(reader *r) {
    pyr_text_add_char(r->out, '[');
    ++r->at;
    if (peek(r, 0) == '^') {
        pyr_text_add_char(r->out, '^');
        ++r->at;
    }
    for (bool first = true;; first = false) {
        int c = peek(r, 0);
        if (c < 0) {
            return false;
        }
        if (c == ']' && !first) {
            ++r->at;
            pyr_text_add_char(r->out, ']');
            return true;
        }
        /* RE2 takes a dash that makes no range at the ends alone. */
        if (c == '-' && !first && peek(r, 1) != ']') {
            return false;
        }
        bool single = false, other = false;
        if (!read_member(r, &single)) {
            return false;
        }
        if (peek(r, 0) == '-' && peek(r, 1) != ']' && peek(r, 1) >= 0) {
            pyr_text_add_char(r->out, '-');
            ++r->at;
            if (!single || !read_member(r, &other) || !other) {
                return false;
            }
        }
    }
}

/* ---- Repetition. ---- */

/* {n}, {n,}, {n,m} at its brace; false: it is text. *empty: may be none at all. */
static bool read_braces(const reader *r, size_t *length, int *low, int *high) {
    size_t at = 1;
    *low = *high = 0;
    if (!is_digit(peek(r, at))) {
        return false;
    }
    for (; is_digit(peek(r, at)); ++at) {
        *low = *low > REPEAT_MAX ? *low : *low * 10 + (peek(r, at) - '0');
    }
    *high = *low;
    if (peek(r, at) == ',') {
        *high = -1;
        for (++at; is_digit(peek(r, at)); ++at) {
            *high = *high < 0 ? 0 : *high;
            *high = *high > REPEAT_MAX ? *high : *high * 10 + (peek(r, at) - '0');
        }
    }
    *length = at + 1;
    return peek(r, at) == '}';
}
static bool is_repetition(const reader *r) {
    size_t length = 0;
    int low = 0, high = 0;
    int c = peek(r, 0);
    return c == '*' || c == '+' || c == '?' || (c == '{' && read_braces(r, &length, &low, &high));
}
/* Behind an atom that began after so many braces; *nullable: the atom may match nothing, then what
 * comes of it. */
static bool read_repetition(reader *r, bool repeatable, int braces, bool *nullable) {
    if (!is_repetition(r)) {
        return true;
    }
    size_t length = 1;
    int low = 0, high = 0, c = peek(r, 0);
    if (c == '{') {
        (void)read_braces(r, &length, &low, &high);
        /* Within each other RE2 bounds their product. */
        if (r->braces++ != braces || low > REPEAT_MAX || high > REPEAT_MAX ||
            (high >= 0 && high < low)) {
            return false;
        }
    }
    /* What may match nothing, repeated: the engines differ in what a group then holds. */
    if (!repeatable || (*nullable && c != '?')) {
        return false;
    }
    pyr_text_append(r->out, (const char *)r->at, length);
    r->at += length;
    if (peek(r, 0) == '?') {
        pyr_text_add_char(r->out, '?');
        ++r->at;
    }
    *nullable |= c == '*' || c == '?' || (c == '{' && low == 0);
    return !is_repetition(r); /* a**, and possessive ones */
}

/* ---- Atoms. ---- */

static bool read_alternatives(reader *r, bool *nullable);

/* (?flags) and (?flags:...): i, m, s, U. *closed: it was flags alone. */
static bool read_flags(reader *r, bool *closed) {
    size_t at = 2;
    bool minus = false, any = false;
    for (;; ++at) {
        int c = peek(r, at);
        if (c == '-' && !minus) {
            minus = true;
            any = false;
        } else if (c == 'i' || c == 'm' || c == 's' || c == 'U') {
            any = true;
        } else if ((c == ')' || c == ':') && (any || (c == ':' && at == 2))) {
            *closed = c == ')';
            pyr_text_append(r->out, (const char *)r->at, at + 1);
            r->at += at + 1;
            return true;
        } else {
            return false;
        }
    }
}
/* (?P<name>...): a group by number here. */
static bool read_name(reader *r) {
    size_t at = peek(r, 2) == 'P' ? 4 : 3, start = at;
    while (is_letter(peek(r, at)) || is_digit(peek(r, at)) || peek(r, at) == '_') {
        ++at;
    }
    if (at == start || peek(r, at) != '>') {
        return false;
    }
    r->at += at + 1;
    return true;
}
static bool read_group(reader *r, bool *nullable, bool *is_flags) {
    bool closed = false;
    *is_flags = false;
    if (++r->depth > DEPTH_MAX) {
        return false;
    }
    if (peek(r, 1) != '?') {
        pyr_text_add_char(r->out, '(');
        ++r->groups;
        ++r->at;
    } else if ((peek(r, 2) == 'P' && peek(r, 3) == '<') ||
               (peek(r, 2) == '<' && peek(r, 3) != '=' && peek(r, 3) != '!')) {
        if (!read_name(r)) {
            return false;
        }
        pyr_text_add_char(r->out, '(');
        ++r->groups;
    } else if (!read_flags(r, &closed)) {
        return false;
    }
    if (closed) {
        *is_flags = true;
        --r->depth;
        return true;
    }
    if (!read_alternatives(r, nullable) || peek(r, 0) != ')') {
        return false;
    }
    pyr_text_add_char(r->out, ')');
    ++r->at;
    --r->depth;
    return true;
}
static bool read_escape(reader *r, bool *repeatable, bool *nullable) {
    ++r->at;
    int c = peek(r, 0);
    switch (c) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
        pyr_text_printf(r->out, "\\%c", c);
        break;
    case 's':
        pyr_text_add(r->out, "[\\t\\n\\f\\r\\x20]");
        break;
    case 'S':
        pyr_text_add(r->out, "[^\\t\\n\\f\\r\\x20]");
        break;
    case 'A':
    case 'z':
    case 'b': /* not \B: RE2 finds it between the bytes of a character */
        pyr_text_printf(r->out, "\\%c", c);
        *repeatable = false;
        *nullable = true;
        break;
    default:
        return read_escaped_character(r);
    }
    ++r->at;
    return true;
}
static bool read_atom(reader *r) {
    bool nullable = false, repeatable = true, flags = false;
    int c = peek(r, 0), braces = r->braces;
    switch (c) {
    case '(':
        if (!read_group(r, &nullable, &flags)) {
            return false;
        }
        repeatable = !flags;
        nullable |= flags;
        break;
    case '[':
        if (!read_class(r)) {
            return false;
        }
        break;
    case '\\':
        if (!read_escape(r, &repeatable, &nullable)) {
            return false;
        }
        break;
    case '.':
    case '^':
    case '$':
        pyr_text_add_char(r->out, (char)c);
        ++r->at;
        repeatable = c == '.';
        nullable = c != '.';
        break;
    case '*':
    case '+':
    case '?':
        return false;
    default:
        if (c == '{' && is_repetition(r)) {
            return false;
        }
        put_literal(r, c);
        ++r->at;
        while (c >= 0x80 && r->at < r->end && (*r->at & 0xC0) == 0x80) {
            pyr_text_add_char(r->out, (char)*r->at++);
        }
        break;
    }
    if (!read_repetition(r, repeatable, braces, &nullable)) {
        return false;
    }
    r->atom_nullable = nullable;
    return true;
}
static bool read_alternatives(reader *r, bool *nullable) {
    bool any = false, all = true; /* some alternative may match nothing; this one's atoms all may */
    while (r->at < r->end && peek(r, 0) != ')') {
        if (peek(r, 0) == '|') {
            any |= all;
            all = true;
            pyr_text_add_char(r->out, '|');
            ++r->at;
            continue;
        }
        if (!read_atom(r)) {
            return false;
        }
        all &= r->atom_nullable;
    }
    *nullable = any || all;
    return true;
}

bool pyr_regexp_translate(const uint8_t *pattern, size_t length, pyr_text *out, int *groups) {
    reader r = {pattern, pattern + length, out, 0, 0, 0, false};
    bool nullable = false;
    pyr_text_clear(out);
    *groups = 0;
    if ((length > 0 && memchr(pattern, '\0', length) != NULL) ||
        !read_alternatives(&r, &nullable) || r.at != r.end) {
        return false;
    }
    *groups = r.groups;
    return true;
}
