/* display_test.c - columns on a terminal, the progress line, candidates, what a file is. */
#include "cli/display.h"

#include "cli/file_stream.h"
#include "cli/line_editor.h"
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fit(const char *text, size_t columns, bool right, const char *wanted) {
    pyr_text out;
    pyr_text_init(&out);
    pyr_display_fit(text, strlen(text), columns, right, &out);
    assert_string_equal(pyr_text_get(&out), wanted);
    pyr_text_deinit(&out);
}

static void text_is_padded_or_cut_by_columns(void **state) {
    (void)state;
    fit("ab", 4, false, "ab  ");
    fit("ab", 4, true, "  ab");
    fit("東", 4, true, "  東");
    fit("abcdef", 4, false, "abc…");
    fit("東京都", 4, false, "東… "); /* half of a wide character is a space */
    fit("e\xCC\x81", 1, false, "e\xCC\x81");
    fit("ab", 1, false, "…");
    fit("ab", 0, false, "");
    fit("", 2, false, "  ");
}

static void control_characters_and_broken_bytes_are_written_out(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool keep;
        const char *wanted;
    } cases[] = {
        {"plain", false, "plain"},
        {"a\nb\tc\rd", false, "a\\nb\\tc\\rd"},
        {"a\nb\tc\rd", true, "a\nb\tc\\rd"},
        {"\x1B[0m\x7F", false, "\\x1B[0m\\x7F"},
        {"\xC2\x9B", false, "\\x9B"}, /* CSI as one C1 control */
        {"\xFF\xC3", false, "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xED\xA0\x80", false, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* a surrogate */
        {"日本", false, "日本"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_text out;
        pyr_text_init(&out);
        pyr_display_escape(cases[i].text, strlen(cases[i].text), cases[i].keep, &out);
        assert_string_equal(pyr_text_get(&out), cases[i].wanted);
        pyr_text_deinit(&out);
    }
}

static void progress_is(double fraction, int64_t bytes, int64_t rows, int64_t ms, size_t columns,
                        const char *wanted) {
    const pyr_progress_sample sample = {fraction, bytes, rows};
    pyr_text out;
    pyr_text_init(&out);
    pyr_progress_print(&sample, ms, columns, &out);
    assert_string_equal(pyr_text_get(&out), wanted);
    pyr_text_deinit(&out);
}

static void progress_says_what_is_known(void **state) {
    (void)state;
    progress_is(0.25, 1000000000, 0, 5000, 60, " 25%, 200.0 MB/s, 0:15 left");
    progress_is(0.5, 0, 0, 5000, 80, "[############............]  50%, 0:05 left");
    progress_is(-1, 0, 0, 65000, 80, "running 1:05");
    progress_is(-1, 0, 3000, 3000, 80, "running 0:03, 3000 rows, 1000 rows/s");
    progress_is(0, 0, 0, 2000, 60, "  0%");
    progress_is(2, 0, 0, 2000, 60, "100%, 0:00 left");
    progress_is(0.25, 1000000000, 0, 5000, 10, " 25%, 200.");
    progress_is(0.001001, 0, 0, 100000000, 60, "  0%, 99:59:59 left");
}

static void sizes_are_printed_in_decimal_units(void **state) {
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {{0, "0 B"},         {999, "999 B"},    {1000, "1.0 kB"},   {999949, "999.9 kB"},
                 {999999, "1.0 MB"}, {1.5e9, "1.5 GB"}, {2e18, "2000.0 PB"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_text out;
        pyr_text_init(&out);
        pyr_print_bytes(cases[i].bytes, &out);
        assert_string_equal(pyr_text_get(&out), cases[i].text);
        pyr_text_deinit(&out);
    }
}

static void paths_are_told_apart_by_case(void **state) {
    (void)state;
    pyr_completions all = {.paths = true};
    pyr_completions_add(&all, "data/A.csv", 10);
    pyr_completions_add(&all, "data/a.csv", 10);
    assert_int_equal(pyr_completions_settle(&all), 5);
    assert_int_equal(all.count, 2);
    pyr_completions_deinit(&all);
}

static void candidates_share_a_prefix_without_case_and_whole_characters(void **state) {
    (void)state;
    pyr_completions all = {0};
    assert_int_equal(pyr_completions_settle(&all), 0);
    static const char *const words[] = {"select", "SELECT", "selection", "selected"};
    for (size_t i = 0; i < 4; ++i) {
        pyr_completions_add(&all, words[i], strlen(words[i]));
    }
    assert_int_equal(pyr_completions_settle(&all), 6);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.words[1], "selected");
    pyr_completions_deinit(&all);
    /* é and è share their first byte, which is no character. */
    pyr_completions_add(&all, "aé", 3);
    pyr_completions_add(&all, "aè", 3);
    assert_int_equal(pyr_completions_settle(&all), 1);
    pyr_completions_deinit(&all);
}

static void a_file_is_known_by_its_first_bytes(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *path;
        pyr_file_kind kind;
    } cases[] = {
        {"ARROW1\0\0", 8, "x.csv", PYR_FILE_ARROW},
        {"ARROW1,b\n", 9, "x", PYR_FILE_CSV},
        {"PAR1....", 8, "x.csv", PYR_FILE_PARQUET},
        {"\xFF\xFF\xFF\xFF\x10\0\0\0", 8, "x", PYR_FILE_ARROW_STREAM},
        {" \n{\"a\":1}", 9, "x.csv", PYR_FILE_JSON},
        {"[{\"a\":1}]", 9, "x", PYR_FILE_JSON},
        {"\xEF\xBB\xBF[1]", 6, "x", PYR_FILE_JSON},
        {"a,b\n1,2\n", 8, "x.json", PYR_FILE_CSV},
        {"\x1F\x8B\x08", 3, "x.NDJSON.gz", PYR_FILE_JSON},
        {"\x1F\x8B\x08", 3, "x.csv.gz", PYR_FILE_CSV},
        {"\x28\xB5\x2F\xFD", 4, "x.json.zst", PYR_FILE_JSON},
        {"", 0, "x", PYR_FILE_CSV},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_int_equal(
            pyr_file_detect((const uint8_t *)cases[i].bytes, cases[i].size, cases[i].path),
            cases[i].kind);
    }
}

int main(void) {
    pyr_display_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_padded_or_cut_by_columns),
        cmocka_unit_test(control_characters_and_broken_bytes_are_written_out),
        cmocka_unit_test(progress_says_what_is_known),
        cmocka_unit_test(sizes_are_printed_in_decimal_units),
        cmocka_unit_test(paths_are_told_apart_by_case),
        cmocka_unit_test(candidates_share_a_prefix_without_case_and_whole_characters),
        cmocka_unit_test(a_file_is_known_by_its_first_bytes),
    };
    return cmocka_run_group_tests_name("display", tests, NULL, NULL);
}
