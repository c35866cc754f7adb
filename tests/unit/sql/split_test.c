#include "unit/sql/support_sql.h"

#include <string.h>

static void expect_split(const char *text, const char *const *statements, size_t count,
                         bool complete, bool open) {
    size_t position = 0;
    bool is_complete = true;
    bool is_open = false;
    pyr_span span;
    for (size_t i = 0; i < count; ++i) {
        assert_true(pyr_sql_split(text, strlen(text), &position, &span, &is_complete, &is_open));
        assert_span(span, statements[i]);
        assert_ptr_equal(span.text, text + span.offset);
        if (i + 1 < count) {
            assert_true(is_complete);
        }
    }
    assert_int_equal(is_complete, complete);
    assert_int_equal(is_open, open);
    assert_false(pyr_sql_split(text, strlen(text), &position, &span, &is_complete, &is_open));
}

#define SPLIT(text, complete, open, ...)                                                         \
    do {                                                                                         \
        static const char *const expected_[] = {__VA_ARGS__};                                    \
        expect_split(text, expected_, sizeof(expected_) / sizeof(expected_[0]), complete, open); \
    } while (0)

static void statements_are_divided_by_semicolons(void **state) {
    (void)state;
    SPLIT("SELECT 1; SELECT 2;", true, false, "SELECT 1", "SELECT 2");
    SPLIT(" ;; SELECT 1 ;; -- end\n ; SELECT 2 -- more", false, false, "SELECT 1", "SELECT 2");
    SPLIT("a\n;b", false, false, "a", "b");
}

static void a_semicolon_in_quotes_or_comments_divides_nothing(void **state) {
    (void)state;
    SPLIT("SELECT ';''\\';x", false, false, "SELECT ';''\\'", "x");
    SPLIT("SELECT E'\\';';x", false, false, "SELECT E'\\';'", "x");
    SPLIT("SELECT \"a;\"\"b\";x", false, false, "SELECT \"a;\"\"b\"", "x");
    SPLIT("SELECT $$;$a$;$$;x", false, false, "SELECT $$;$a$;$$", "x");
    SPLIT("SELECT $t$;$$;$t;$t$;x", false, false, "SELECT $t$;$$;$t;$t$", "x");
    SPLIT("a /* ; /* ; */ ; */ b;c", false, false, "a /* ; /* ; */ ; */ b", "c");
    SPLIT("a -- ;\n b;c", false, false, "a -- ;\n b", "c");
    SPLIT("SELECT $1;x", false, false, "SELECT $1", "x");
    SPLIT("SELECT a$b$c;x", false, false, "SELECT a$b$c", "x");
}

static void an_open_quote_or_comment_is_told(void **state) {
    (void)state;
    SPLIT("SELECT 'a;", false, true, "SELECT 'a;");
    SPLIT("x; SELECT \"a;", false, true, "x", "SELECT \"a;");
    SPLIT("SELECT $a$;$$", false, true, "SELECT $a$;$$");
    SPLIT("SELECT 1 /* /* ; */", false, true, "SELECT 1 /* /* ; */");
    SPLIT("SELECT 1", false, false, "SELECT 1");
}

static void empty_text_has_no_statement(void **state) {
    (void)state;
    static const char *const texts[] = {"", "  \n", ";;", "-- x", "/* x */ ;", "\xC2\xA0"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        size_t position = 0;
        bool complete = true;
        bool open = true;
        pyr_span span;
        assert_false(pyr_sql_split(texts[i], strlen(texts[i]), &position, &span, &complete, &open));
        assert_false(open);
    }
}

static void a_stray_byte_does_not_swallow_the_next_statement(void **state) {
    (void)state;
    SPLIT("SELECT \\; SELECT 2;", true, false, "SELECT \\", "SELECT 2");
    SPLIT("SELECT \"\"; SELECT 2;", true, false, "SELECT \"\"", "SELECT 2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_are_divided_by_semicolons),
        cmocka_unit_test(a_semicolon_in_quotes_or_comments_divides_nothing),
        cmocka_unit_test(an_open_quote_or_comment_is_told),
        cmocka_unit_test(empty_text_has_no_statement),
        cmocka_unit_test(a_stray_byte_does_not_swallow_the_next_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
