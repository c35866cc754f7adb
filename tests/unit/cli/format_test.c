/* format_test.c - every text format over the same awkward values: null, empty, quotes, line breaks,
 * escape sequences, wide and combining characters, nested values, decimals, NaN. */
#include "support_cli.h"

#include "arrow/ipc/ipc.h"
#include "base/text.h"
#include "cli/display.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect(pyr_format_kind kind, const char *wanted) {
    pyr_format format = {.kind = kind};
    pyr_batch *batch = make_awkward_batch();
    char *text = print_batch(&format, batch);
    assert_string_equal(text, wanted);
    free(text);
    pyr_batch_release(batch);
}

static void csv_tells_null_from_empty_and_quotes_what_it_must(void **state) {
    (void)state;
    expect(PYR_FORMAT_CSV, "id,the name,x,d,l,日本\n"
                           "1,plain,0.1,123.45,\"[1, 2]\",東京\n"
                           "-22,\"\",nan,-0.05,[],é\n"
                           ",,inf,,[NULL],e\xCC\x81\n"
                           "4,\"a,\"\"b\"\"\n\x1B[31m|\",1e+300,0.00,,x\n");
}

static void tsv_is_csv_with_tabs(void **state) {
    (void)state;
    expect(PYR_FORMAT_TSV, "id\tthe name\tx\td\tl\t日本\n"
                           "1\tplain\t0.1\t123.45\t[1, 2]\t東京\n"
                           "-22\t\"\"\tnan\t-0.05\t[]\té\n"
                           "\t\tinf\t\t[NULL]\te\xCC\x81\n"
                           "4\t\"a,\"\"b\"\"\n\x1B[31m|\"\t1e+300\t0.00\t\tx\n");
}

static void json_has_numbers_for_decimals_and_null_for_nan(void **state) {
    (void)state;
    expect(
        PYR_FORMAT_JSON,
        "[{\"id\":1,\"the name\":\"plain\",\"x\":0.1,\"d\":123.45,\"l\":[1,2],\"日本\":\"東京\"},\n"
        "{\"id\":-22,\"the name\":\"\",\"x\":null,\"d\":-0.05,\"l\":[],\"日本\":\"é\"},\n"
        "{\"id\":null,\"the name\":null,\"x\":null,\"d\":null,\"l\":[null],"
        "\"日本\":\"e\xCC\x81\"},\n"
        "{\"id\":4,\"the name\":\"a,\\\"b\\\"\\n\\u001b[31m|\",\"x\":1e+300,\"d\":0.00,"
        "\"l\":null,\"日本\":\"x\"}]\n");
}

static void ndjson_is_one_object_a_line(void **state) {
    (void)state;
    expect(
        PYR_FORMAT_NDJSON,
        "{\"id\":1,\"the name\":\"plain\",\"x\":0.1,\"d\":123.45,\"l\":[1,2],\"日本\":\"東京\"}\n"
        "{\"id\":-22,\"the name\":\"\",\"x\":null,\"d\":-0.05,\"l\":[],\"日本\":\"é\"}\n"
        "{\"id\":null,\"the name\":null,\"x\":null,\"d\":null,\"l\":[null],"
        "\"日本\":\"e\xCC\x81\"}\n"
        "{\"id\":4,\"the name\":\"a,\\\"b\\\"\\n\\u001b[31m|\",\"x\":1e+300,\"d\":0.00,"
        "\"l\":null,\"日本\":\"x\"}\n");
}

static void markdown_escapes_bars_and_breaks(void **state) {
    (void)state;
    expect(PYR_FORMAT_MARKDOWN, "| id | the name | x | d | l | 日本 |\n"
                                "|---:|---|---:|---:|---|---|\n"
                                "| 1 | plain | 0.1 | 123.45 | [1, 2] | 東京 |\n"
                                "| -22 |  | nan | -0.05 | [] | é |\n"
                                "| NULL | NULL | inf | NULL | [NULL] | e\xCC\x81 |\n"
                                "| 4 | a,\"b\"<br>\\x1B[31m\\| | 1e+300 | 0.00 | NULL | x |\n");
}

static void line_aligns_names_and_keeps_line_breaks(void **state) {
    (void)state;
    const test_column columns[] = {
        {"id", PYR_TYPE_INT64, {"1", NULL}},
        {"日本語", PYR_TYPE_UTF8, {"a\nb", "\x1B[2J"}},
    };
    pyr_format format = {.kind = PYR_FORMAT_LINE};
    pyr_batch *batch = make_batch(columns, 2, 2);
    char *text = print_batch(&format, batch);
    assert_string_equal(text, "    id = 1\n日本語 = a\nb\n\n    id = NULL\n日本語 = \\x1B[2J\n");
    free(text);
    pyr_batch_release(batch);
}

static void box_aligns_wide_and_combining_characters_and_disarms_escapes(void **state) {
    (void)state;
    expect(PYR_FORMAT_BOX, "┌──────┬──────────────────┬────────┬────────┬────────┬──────┐\n"
                           "│   id │ the name         │      x │      d │ l      │ 日本 │\n"
                           "├──────┼──────────────────┼────────┼────────┼────────┼──────┤\n"
                           "│    1 │ plain            │    0.1 │ 123.45 │ [1, 2] │ 東京 │\n"
                           "│  -22 │                  │    nan │  -0.05 │ []     │ é    │\n"
                           "│ NULL │ NULL             │    inf │   NULL │ [NULL] │ e\xCC\x81    │\n"
                           "│    4 │ a,\"b\"\\n\\x1B[31m| │ 1e+300 │   0.00 │ NULL   │ x    │\n"
                           "└──────┴──────────────────┴────────┴────────┴────────┴──────┘\n");
}

static void an_empty_result_has_its_header(void **state) {
    (void)state;
    const test_column columns[] = {{"a", PYR_TYPE_INT64, {NULL}}, {"b", PYR_TYPE_UTF8, {NULL}}};
    pyr_batch *batch = make_batch(columns, 2, 0);
    static const struct {
        pyr_format_kind kind;
        const char *text;
    } cases[] = {
        {PYR_FORMAT_CSV, "a,b\n"},
        {PYR_FORMAT_JSON, "[]\n"},
        {PYR_FORMAT_NDJSON, ""},
        {PYR_FORMAT_LINE, ""},
        {PYR_FORMAT_MARKDOWN, "| a | b |\n|---:|---|\n"},
        {PYR_FORMAT_BOX, "┌───┬───┐\n│ a │ b │\n├───┼───┤\n└───┴───┘\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_format format = {.kind = cases[i].kind};
        char *text = print_batch(&format, batch);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
    pyr_batch_release(batch);
}

/* Rows 0 .. rows of one int64 column. */
static pyr_batch *make_numbers(int64_t from, int64_t rows) {
    pyr_field *field = NULL;
    pyr_buffer *values = NULL;
    pyr_array *array = NULL;
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    assert_int_equal(pyr_field_create("n", PYR_TYPE_INT64, &field, NULL), PYR_OK);
    assert_int_equal(pyr_buffer_create((size_t)rows * 8, NULL, &values, NULL), PYR_OK);
    for (int64_t i = 0; i < rows; ++i) {
        int64_t value = from + i;
        memcpy(pyr_buffer_mutable(values) + i * 8, &value, 8);
    }
    pyr_buffer *buffers[] = {NULL, values};
    assert_int_equal(pyr_array_create(field, rows, 0, 0, buffers, 2, NULL, 0, NULL, &array, NULL),
                     PYR_OK);
    assert_int_equal(pyr_schema_create(&field, 1, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_create(schema, rows, &array, 1, NULL, &batch, NULL), PYR_OK);
    pyr_field_release(field);
    pyr_buffer_release(values);
    pyr_array_release(array);
    pyr_schema_release(schema);
    return batch;
}

static void box_on_a_terminal_elides_rows_in_the_middle_across_batches(void **state) {
    (void)state;
    pyr_batch *batches[] = {make_numbers(0, 3), make_numbers(3, 4), make_numbers(7, 3)};
    pyr_format format = {.kind = PYR_FORMAT_BOX, .terminal = true, .width = 80, .rows_max = 6};
    char *text = print_batches(&format, batches, 3);
    assert_string_equal(text, "┌────────┐\n│      n │\n│ \x1B[2mBIGINT\x1B[0m │\n├────────┤\n"
                              "│      0 │\n│      1 │\n│      2 │\n"
                              "│      · │\n│      · │\n│      · │\n"
                              "│      7 │\n│      8 │\n│      9 │\n└────────┘\n"
                              "10 rows (6 shown)\n");
    free(text);
    /* As many as fit are all shown. */
    format.rows_max = 10;
    text = print_batches(&format, batches, 3);
    assert_non_null(strstr(text, "│      5 │\n│      6 │\n"));
    assert_non_null(strstr(text, "10 rows\n"));
    assert_null(strstr(text, "·"));
    free(text);
    for (size_t i = 0; i < 3; ++i) {
        pyr_batch_release(batches[i]);
    }
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        ++count;
    }
    return count;
}

static void box_on_a_pipe_prints_every_row_and_grows_columns_late(void **state) {
    (void)state;
    pyr_batch *batches[] = {make_numbers(0, 9999), make_numbers(9999, 3),
                            make_numbers(123456789, 2)};
    pyr_format format = {.kind = PYR_FORMAT_BOX};
    char *text = print_batches(&format, batches, 3);
    assert_int_equal(count_of(text, "\n│"), 1 + 9999 + 3 + 2);
    assert_non_null(strstr(text, "│    0 │\n"));
    assert_non_null(strstr(text, "│ 9999 │\n│ 10000 │\n│ 10001 │\n│ 123456789 │\n"));
    free(text);
    for (size_t i = 0; i < 3; ++i) {
        pyr_batch_release(batches[i]);
    }
}

static void box_fits_the_terminal_by_cutting_cells_then_leaving_out_columns(void **state) {
    (void)state;
    const test_column wide[] = {
        {"a", PYR_TYPE_INT64, {"1"}},
        {"b", PYR_TYPE_UTF8, {"東京東京東京東京東京東京東京東京東京東京東京東京"}},
    };
    pyr_format format = {.kind = PYR_FORMAT_BOX, .terminal = true, .width = 40, .rows_max = 40};
    pyr_batch *batch = make_batch(wide, 2, 1);
    char *text = print_batch(&format, batch);
    /* 40 columns: 1 + (6 + 3) + (27 + 3); thirteen wide characters and the ellipsis. */
    assert_non_null(strstr(text, "│      1 │ 東京東京東京東京東京東京東… │\n"));
    free(text);
    pyr_batch_release(batch);

    test_column many[9];
    for (size_t i = 0; i < 9; ++i) {
        static const char *const names[] = {"c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"};
        many[i] = (test_column){names[i], PYR_TYPE_INT64, {"5"}};
    }
    batch = make_batch(many, 9, 1);
    text = print_batch(&format, batch);
    assert_string_equal(text, "┌────────┬────────┬───┬────────┐\n"
                              "│     c1 │     c2 │ … │     c9 │\n"
                              "│ \x1B[2mBIGINT\x1B[0m │ \x1B[2mBIGINT\x1B[0m │ … │ "
                              "\x1B[2mBIGINT\x1B[0m │\n"
                              "├────────┼────────┼───┼────────┤\n"
                              "│      5 │      5 │ … │      5 │\n"
                              "└────────┴────────┴───┴────────┘\n"
                              "1 row, 9 columns (3 shown)\n");
    free(text);
    pyr_batch_release(batch);
}

static void box_gives_room_back_to_cut_texts_and_cuts_no_number(void **state) {
    (void)state;
    const test_column columns[] = {
        {"n", PYR_TYPE_INT64, {"1234567890123456"}},
        {"a", PYR_TYPE_UTF8, {"a text of twenty-six bytes"}},
        {"b", PYR_TYPE_UTF8, {"another text, as long as it"}},
        {"d", PYR_TYPE_DATE32, {"19753"}},
    };
    /* At their least widths 1 + 19 + 15 + 15 + 13 = 63. Without b and with the ellipsis 52: eight
     * more for a. */
    pyr_format format = {.kind = PYR_FORMAT_BOX, .terminal = true, .width = 60, .rows_max = 40};
    pyr_batch *batch = make_batch(columns, 4, 1);
    char *text = print_batch(&format, batch);
    assert_non_null(strstr(text, "│ 1234567890123456 │ a text of twenty-si… │ … │ 2024-01-31 │\n"));
    free(text);
    pyr_batch_release(batch);
}

static void a_plan_is_printed_as_its_lines(void **state) {
    (void)state;
    const test_column plan[] = {{"plan", PYR_TYPE_UTF8, {"LIMIT 3", "  SCAN a rather long line"}}};
    pyr_format format = {
        .kind = PYR_FORMAT_BOX, .terminal = true, .lines = true, .width = 12, .rows_max = 1};
    pyr_batch *batch = make_batch(plan, 1, 2);
    char *text = print_batch(&format, batch);
    assert_string_equal(text, "LIMIT 3\n  SCAN a rather long line\n");
    free(text);
    pyr_batch_release(batch);
}

static void rows_are_taken_through_a_selection(void **state) {
    (void)state;
    pyr_batch *batch = make_numbers(100, 5);
    pyr_buffer *rows = NULL;
    pyr_selection *selection = NULL;
    pyr_batch *selected = NULL;
    static const int32_t picked[] = {1, 4};
    assert_int_equal(pyr_buffer_create(sizeof(picked), NULL, &rows, NULL), PYR_OK);
    memcpy(pyr_buffer_mutable(rows), picked, sizeof(picked));
    assert_int_equal(pyr_selection_create(rows, 2, &selection, NULL), PYR_OK);
    assert_int_equal(pyr_batch_select(batch, selection, &selected, NULL), PYR_OK);
    for (int kind = 0; kind < PYR_FORMAT_ARROW; ++kind) {
        pyr_format format = {.kind = (pyr_format_kind)kind};
        char *text = print_batch(&format, selected);
        assert_non_null(strstr(text, "101"));
        assert_non_null(strstr(text, "104"));
        assert_null(strstr(text, "100"));
        assert_null(strstr(text, "103"));
        free(text);
    }
    pyr_batch_release(selected);
    pyr_selection_release(selection);
    pyr_buffer_release(rows);
    pyr_batch_release(batch);
}

static void arrow_streams_and_files_read_back_equal(void **state) {
    (void)state;
    pyr_batch *batch = make_awkward_batch();
    for (int file = 0; file < 2; ++file) {
        char path[] = "/tmp/pyralog-format-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        pyr_output output;
        pyr_error error = {0};
        assert_int_equal(pyr_output_init(&output, fd, path, &error), PYR_OK);
        pyr_format format = {.kind = PYR_FORMAT_ARROW, .arrow_file = file == 1};
        pyr_formatter *formatter = NULL;
        assert_int_equal(
            pyr_formatter_create(&format, batch->schema, &output, NULL, &formatter, &error),
            PYR_OK);
        assert_int_equal(pyr_formatter_batch(formatter, batch, &error), PYR_OK);
        assert_int_equal(pyr_formatter_finish(formatter, &error), PYR_OK);
        pyr_formatter_destroy(formatter);
        assert_int_equal(pyr_output_close(&output, &error), PYR_OK);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        char magic[6];
        assert_int_equal(read(fd, magic, 6), 6);
        assert_int_equal(memcmp(magic, "ARROW1", 6) == 0, file);
        assert_int_equal(lseek(fd, file == 1 ? 8 : 0, SEEK_SET), file == 1 ? 8 : 0);
        pyr_ipc_limits limits = pyr_ipc_limits_default();
        pyr_stream *stream = NULL;
        /* Past its magic a file is a stream too. */
        assert_int_equal(pyr_ipc_stream_open_fd(fd, path, &limits, PYR_VALIDATE_FULL, NULL, NULL,
                                                &stream, &error),
                         PYR_OK);
        pyr_batch *back = NULL;
        assert_int_equal(pyr_stream_next(stream, &back, &error), PYR_OK);
        assert_true(pyr_batch_equal(batch, back));
        pyr_batch_release(back);
        pyr_stream_destroy(stream);
        close(fd);
        unlink(path);
    }
    pyr_batch_release(batch);
}

static void a_format_is_found_by_name_and_suffix(void **state) {
    (void)state;
    pyr_format_kind kind;
    assert_true(pyr_format_parse("NDJSON", &kind));
    assert_int_equal(kind, PYR_FORMAT_NDJSON);
    assert_false(pyr_format_parse("xml", &kind));
    pyr_format format = {.kind = PYR_FORMAT_BOX};
    assert_true(pyr_format_from_path("/x.json/y.ARROW", &format));
    assert_int_equal(format.kind, PYR_FORMAT_ARROW);
    assert_true(format.arrow_file);
    assert_true(pyr_format_from_path("a.arrows", &format));
    assert_false(format.arrow_file);
    assert_false(pyr_format_from_path("/x.json/y", &format));
    assert_false(pyr_format_from_path("noise", &format));
}

static void a_reader_that_went_away_is_noticed(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    pyr_output output;
    pyr_error error = {0};
    assert_int_equal(pyr_output_init(&output, ends[1], "pipe", &error), PYR_OK);
    pyr_text_add(&output.buffer, "x");
    assert_int_not_equal(pyr_output_flush(&output, &error), PYR_OK);
    assert_true(output.broken);
    assert_int_equal(pyr_output_close(&output, &error), PYR_OK);
    close(ends[1]);
}

static int set_up(void **state) {
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    pyr_display_init();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_tells_null_from_empty_and_quotes_what_it_must),
        cmocka_unit_test(tsv_is_csv_with_tabs),
        cmocka_unit_test(json_has_numbers_for_decimals_and_null_for_nan),
        cmocka_unit_test(ndjson_is_one_object_a_line),
        cmocka_unit_test(markdown_escapes_bars_and_breaks),
        cmocka_unit_test(line_aligns_names_and_keeps_line_breaks),
        cmocka_unit_test(box_aligns_wide_and_combining_characters_and_disarms_escapes),
        cmocka_unit_test(an_empty_result_has_its_header),
        cmocka_unit_test(box_on_a_terminal_elides_rows_in_the_middle_across_batches),
        cmocka_unit_test(box_on_a_pipe_prints_every_row_and_grows_columns_late),
        cmocka_unit_test(box_fits_the_terminal_by_cutting_cells_then_leaving_out_columns),
        cmocka_unit_test(box_gives_room_back_to_cut_texts_and_cuts_no_number),
        cmocka_unit_test(a_plan_is_printed_as_its_lines),
        cmocka_unit_test(rows_are_taken_through_a_selection),
        cmocka_unit_test(arrow_streams_and_files_read_back_equal),
        cmocka_unit_test(a_format_is_found_by_name_and_suffix),
        cmocka_unit_test(a_reader_that_went_away_is_noticed),
    };
    return cmocka_run_group_tests_name("format", tests, set_up, NULL);
}
