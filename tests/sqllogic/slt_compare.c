/* slt_compare.c - a result against the lines of a file: sorted, hashed, value by value. */
#include "slt.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Sorting. ---- */

static int compare_rows(const void *left, const void *right, void *columns) {
    char *const *a = left;
    char *const *b = right;
    for (size_t i = 0; i < *(size_t *)columns; ++i) {
        int order = strcmp(a[i], b[i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static void sort_cells(char **cells, size_t count, size_t columns, slt_sort sort) {
    size_t unit = sort == SLT_VALUESORT ? 1 : columns;
    if (sort != SLT_NOSORT && unit > 0 && count > unit) {
        qsort_r(cells, count / unit, unit * sizeof(char *), compare_rows, &unit);
    }
}

void slt_result_sort(slt_result *result, slt_sort sort) {
    sort_cells(result->cells, result->cells_count, result->columns_count, sort);
}

char *slt_result_hash(slt_result *result) {
    slt_md5 md5;
    slt_md5_init(&md5);
    for (size_t i = 0; i < result->cells_count; ++i) {
        slt_md5_add(&md5, result->cells[i], strlen(result->cells[i]));
        slt_md5_add(&md5, "\n", 1);
    }
    char hex[33];
    slt_md5_hex(&md5, hex);
    return slt_printf(&result->arena, "%zu values hashing to %s", result->cells_count, hex);
}

/* ---- One value. ---- */

static bool matches_regex(const char *pattern, const char *text) {
    /* As RE2's FullMatch with dot_nl, which the files are written for. */
    pyr_text whole;
    pyr_text_init(&whole);
    pyr_text_printf(&whole, "^(%s)$", pattern);
    regex_t regex;
    bool matches = false;
    if (!whole.failed && regcomp(&regex, pyr_text_get(&whole), REG_EXTENDED | REG_NOSUB) == 0) {
        matches = regexec(&regex, text, 0, NULL, 0) == 0;
        regfree(&regex);
    }
    pyr_text_deinit(&whole);
    return matches;
}

static bool read_double(const char *text, double *out) {
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && end[strspn(end, " ")] == '\0';
}

/* DuckDB's own runner takes floats within one percent as equal. */
static bool floats_match(const char *expected, const char *actual) {
    double a;
    double b;
    if (!read_double(expected, &a) || !read_double(actual, &b)) {
        return false;
    }
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b);
    }
    if (isinf(a) || isinf(b)) {
        return a == b;
    }
    return fabs(a - b) <= fabs(a) * 0.01 + 1e-8;
}

/* The digits of a whole number or decimal without what does not change its value; false where text
 * is none. parts: sign, digits before the point, digits behind it. */
static bool split_number(const char *text, bool *negative, const char **whole, size_t *whole_length,
                         const char **fraction, size_t *fraction_length) {
    *negative = *text == '-';
    text += *text == '-' || *text == '+';
    text += strspn(text, "0");
    *whole = text;
    *whole_length = strspn(text, "0123456789");
    text += *whole_length;
    *fraction = "";
    *fraction_length = 0;
    if (*text == '.') {
        *fraction = ++text;
        size_t length = strspn(text, "0123456789");
        text += length;
        while (length > 0 && (*fraction)[length - 1] == '0') {
            --length;
        }
        *fraction_length = length;
    }
    if (*whole_length == 0 && *fraction_length == 0) {
        *negative = false; /* -0 */
    }
    return *text == '\0';
}

static bool numbers_match(const char *expected, const char *actual) {
    bool negative[2];
    const char *whole[2];
    const char *fraction[2];
    size_t whole_length[2];
    size_t fraction_length[2];
    if (!split_number(expected, &negative[0], &whole[0], &whole_length[0], &fraction[0],
                      &fraction_length[0]) ||
        !split_number(actual, &negative[1], &whole[1], &whole_length[1], &fraction[1],
                      &fraction_length[1]) ||
        expected[0] == '\0') {
        return false;
    }
    return negative[0] == negative[1] && whole_length[0] == whole_length[1] &&
           fraction_length[0] == fraction_length[1] &&
           memcmp(whole[0], whole[1], whole_length[0]) == 0 &&
           memcmp(fraction[0], fraction[1], fraction_length[0]) == 0;
}

static const char *truth_of(const char *text) {
    return strcasecmp(text, "true") == 0 ? "1" : strcasecmp(text, "false") == 0 ? "0" : text;
}

static bool value_matches(const char *expected, const char *actual, slt_cell_kind kind) {
    if (strncmp(expected, "<REGEX>:", 8) == 0) {
        return matches_regex(expected + 8, actual);
    }
    if (strncmp(expected, "<!REGEX>:", 9) == 0) {
        return !matches_regex(expected + 9, actual);
    }
    if (strcmp(expected, actual) == 0) {
        return true;
    }
    switch (kind) {
    case SLT_CELL_BOOL:
        return strcmp(truth_of(expected), truth_of(actual)) == 0;
    case SLT_CELL_NUMBER:
        return numbers_match(expected, actual);
    case SLT_CELL_FLOAT:
        return floats_match(expected, actual);
    default:
        return false;
    }
}

/* ---- A whole result. ---- */

static bool is_hash(const char *line) {
    size_t digits = strspn(line, "0123456789");
    return digits > 0 && strncmp(line + digits, " values hashing to ", 19) == 0;
}

/* Whether a line is a row. Where the number of lines is not the number of rows, a tab in each says
 * so: then the result has another number of rows. */
static bool lines_are_rows(const slt_result *result, char *const *lines, size_t count) {
    if (result->columns_count > 1 && count == result->rows_count) {
        return true;
    }
    for (size_t i = 0; i < count; ++i) {
        if (strchr(lines[i], '\t') == NULL) {
            return false;
        }
    }
    return count > 0;
}

static bool split_rows(slt_result *result, char *const *lines, size_t count, char **cells,
                       pyr_text *difference) {
    for (size_t row = 0; row < count; ++row) {
        const char *rest = lines[row];
        for (size_t column = 0; column < result->columns_count; ++column) {
            bool last = column + 1 == result->columns_count;
            size_t size = strcspn(rest, "\t");
            /* A tab at the end of a line divides nothing. */
            if ((rest[size] == '\0' || rest[size + 1] == '\0') != last) {
                pyr_text_printf(difference, "row %zu: %zu columns came, expected: %s", row + 1,
                                result->columns_count, lines[row]);
                return false;
            }
            cells[row * result->columns_count + column] = slt_strndup(&result->arena, rest, size);
            rest += size + (last ? 0 : 1);
        }
    }
    return true;
}

static bool compare_cells(const slt_result *result, char *const *cells, pyr_text *difference) {
    for (size_t i = 0; i < result->cells_count; ++i) {
        size_t column = i % result->columns_count;
        if (!value_matches(cells[i], result->cells[i], result->kinds[column])) {
            pyr_text_printf(difference, "row %zu column %zu: expected %s, got %s",
                            i / result->columns_count + 1, column + 1, cells[i], result->cells[i]);
            return false;
        }
    }
    return true;
}

bool slt_compare(slt_result *result, slt_sort sort, char *const *lines, size_t lines_count,
                 pyr_text *difference) {
    if (lines_count == 1 && is_hash(lines[0])) {
        const char *hash = slt_result_hash(result);
        if (strcmp(hash, lines[0]) != 0) {
            pyr_text_printf(difference, "expected %s, got %s", lines[0], hash);
            return false;
        }
        return true;
    }
    bool rows = lines_are_rows(result, lines, lines_count);
    size_t count = rows ? lines_count * result->columns_count : lines_count;
    if (count != result->cells_count) {
        pyr_text_printf(
            difference, "expected %zu values, got %zu (%zu rows)%s%s%s%s", count,
            result->cells_count, result->rows_count, lines_count > 0 ? "; first expected: " : "",
            lines_count > 0 ? lines[0] : "", result->cells_count > 0 ? "; first value: " : "",
            result->cells_count > 0 ? result->cells[0] : "");
        return false;
    }
    char **cells = pyr_arena_array(&result->arena, count + 1, sizeof(char *));
    if (cells == NULL) {
        slt_out_of_memory();
    }
    if (!rows) {
        memcpy(cells, lines, count * sizeof(char *));
    } else if (!split_rows(result, lines, lines_count, cells, difference)) {
        return false;
    }
    if (compare_cells(result, cells, difference)) {
        return true;
    }
    /* Lines may stand in the order of their own texts ("True" where the value is 1), or in none. */
    if (sort == SLT_NOSORT) {
        return false;
    }
    pyr_text_clear(difference);
    sort_cells(cells, count, result->columns_count, sort);
    return compare_cells(result, cells, difference);
}
