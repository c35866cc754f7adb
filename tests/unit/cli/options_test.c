/* options_test.c - the option parser, as a table of command lines. */
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const pyr_option table[] = {
    {.name = "command", .letter = 'c', .repeat = true, .command_only = true, .value = "SQL"},
    {.name = "format", .value = "FORMAT"},
    {.name = "memory-limit", .value = "SIZE"},
    {.name = "timer"},
    {.name = "allow-path", .repeat = true, .separator = ':', .value = "DIR"},
    {0},
};

/* What was parsed as text: "command=a timer | argument", or the error's message. */
static void describe(int argc, char *const *argv, bool environment, char *out, size_t size) {
    pyr_options options;
    pyr_error error = {0};
    if (pyr_options_parse(table, argc, argv, environment, &options, &error) != PYR_OK) {
        assert_int_equal(error.code, PYR_ERROR_INVALID_ARGUMENT);
        snprintf(out, size, "! %s", error.message);
        return;
    }
    out[0] = '\0';
    for (size_t i = 0; i < options.items_count; ++i) {
        const pyr_option_item *item = &options.items[i];
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s%s ", item->option->name,
                 item->value != NULL ? "=" : "", item->value != NULL ? item->value : "");
    }
    size_t used = strlen(out);
    snprintf(out + used, size - used, "|");
    for (size_t i = 0; i < options.arguments_count; ++i) {
        used = strlen(out);
        snprintf(out + used, size - used, " %s", options.arguments[i]);
    }
    pyr_options_deinit(&options);
}

static void command_lines_parse_as_the_table_says(void **state) {
    (void)state;
    static const struct {
        const char *words[8];
        const char *outcome;
    } cases[] = {
        {{NULL}, "|"},
        {{"db"}, "| db"},
        {{"-c", "SELECT 1", "db"}, "command=SELECT 1 | db"},
        {{"db", "-cSELECT 1", "--command=x", "-c", "-1"},
         "command=SELECT 1 command=x command=-1 | db"},
        {{"--format", "csv", "--timer"}, "format=csv timer |"},
        {{"--format="}, "format= |"},
        {{"--format=a=b"}, "format=a=b |"},
        {{"--", "--timer", "-c"}, "| --timer -c"},
        {{"-"}, "| -"},
        {{"--allow-path", "a:b", "--allow-path=c"}, "allow-path=a:b allow-path=c |"},
        {{"--formt", "csv"}, "! unknown option --formt: did you mean --format?"},
        {{"--timers"}, "! unknown option --timers: did you mean --timer?"},
        {{"-timer"}, "! unknown option -timer: did you mean --timer?"},
        {{"--xyzzy=1"}, "! unknown option --xyzzy: \"pyralog help\" lists the options"},
        {{"--form=csv"}, "! unknown option --form: did you mean --format?"},
        {{"--timer=yes"}, "! option --timer takes no value"},
        {{"--format"}, "! option --format needs a value: FORMAT"},
        {{"-c"}, "! option --command needs a value: SQL"},
        {{"--format", "a", "--format", "b"}, "! option --format is given twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char program[] = "pyralog";
        char *argv[9] = {program};
        char words[8][64];
        int argc = 1;
        for (size_t k = 0; k < 8 && cases[i].words[k] != NULL; ++k) {
            snprintf(words[k], sizeof(words[k]), "%s", cases[i].words[k]);
            argv[argc++] = words[k];
        }
        char got[512];
        describe(argc, argv, false, got, sizeof(got));
        assert_string_equal(got, cases[i].outcome);
    }
}

static void the_environment_gives_what_the_command_line_does_not(void **state) {
    (void)state;
    char program[] = "pyralog";
    char format[] = "--format=csv";
    char *argv[] = {program, format};
    char got[512];
    setenv("PYRALOG_FORMAT", "json", 1);
    setenv("PYRALOG_MEMORY_LIMIT", "4GB", 1);
    setenv("PYRALOG_ALLOW_PATH", "/a:/b::/c", 1);
    setenv("PYRALOG_TIMER", "on", 1);
    setenv("PYRALOG_COMMAND", "DROP TABLE t", 1);
    describe(2, argv, true, got, sizeof(got));
    assert_string_equal(
        got, "format=csv memory-limit=4GB timer allow-path=/a allow-path=/b allow-path=/c |");
    setenv("PYRALOG_TIMER", "off", 1);
    setenv("PYRALOG_MEMORY_LIMIT", "", 1);
    unsetenv("PYRALOG_ALLOW_PATH");
    describe(1, argv, true, got, sizeof(got));
    assert_string_equal(got, "format=json |");
    setenv("PYRALOG_TIMER", "perhaps", 1);
    describe(1, argv, true, got, sizeof(got));
    assert_string_equal(
        got, "! environment variable PYRALOG_TIMER: \"perhaps\" is neither true nor false");
    unsetenv("PYRALOG_FORMAT");
    unsetenv("PYRALOG_MEMORY_LIMIT");
    unsetenv("PYRALOG_TIMER");
    unsetenv("PYRALOG_COMMAND");
}

static void values_are_found_by_name(void **state) {
    (void)state;
    char words[5][24] = {"pyralog", "-ca", "-cb", "--timer", "--format=x"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4]};
    pyr_options options;
    assert_int_equal(pyr_options_parse(table, 5, argv, false, &options, NULL), PYR_OK);
    assert_string_equal(pyr_options_get(&options, "format"), "x");
    assert_null(pyr_options_get(&options, "memory-limit"));
    assert_true(pyr_options_has(&options, "timer"));
    assert_false(pyr_options_has(&options, "allow-path"));
    size_t count = 0;
    const char **values = pyr_options_all(&options, "command", &count);
    assert_int_equal(count, 2);
    assert_string_equal(values[0], "a");
    assert_string_equal(values[1], "b");
    assert_null(values[2]);
    free(values);
    pyr_options_deinit(&options);
}

static void the_nearest_name_is_near(void **state) {
    (void)state;
    static const char *const names[] = {".tables", ".timer", ".help", NULL};
    assert_string_equal(pyr_nearest_name(".tabels", names), ".tables");
    assert_string_equal(pyr_nearest_name(".ti", names), ".timer");
    assert_string_equal(pyr_nearest_name(".hepl", names), ".help");
    assert_null(pyr_nearest_name(".frobnicate", names));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines_parse_as_the_table_says),
        cmocka_unit_test(the_environment_gives_what_the_command_line_does_not),
        cmocka_unit_test(values_are_found_by_name),
        cmocka_unit_test(the_nearest_name_is_near),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
