#include "support_eval.h"

#include <math.h>

static const int32_t none[] = {-1};

static void sums_fail_for_rows_that_count_alone(void **unused) {
    (void)unused;
    static const int32_t x[5] = {1, INT32_MAX, INT32_MAX, 4, 5};
    static const int32_t nulls[] = {2, -1}, selected[] = {0, 2, 3, 4, -1};
    columns c;
    columns_init(&c, 5);
    columns_add(&c, PYR_PHYSICAL_I32, x, nulls);
    pyr_bound_expr *sum = op(PYR_OP_ADD, T_I32, col(0, T_I32), i64(T_I32, 1), NULL);
    pyr_error error = {0};
    assert_int_equal(run_fails(&c, sum, &error), PYR_ERROR_SQL);
    assert_string_equal(error.message, "Overflow in addition of INT32 (2147483647 + 1)!");
    assert_string_equal(error.sqlstate, "22003");
    assert_int_equal(error.position, 7);
    columns_select(&c, selected);
    pyr_vector v = run(&c, sum);
    assert_int_equal(((const int32_t *)v.data)[0], 2);
    assert_int_equal(((const int32_t *)v.data)[4], 6);
    assert_true(pyr_vector_is_null(&v, 2));
    assert_false(pyr_vector_is_null(&v, 3));
}

static void constants_may_stand_first(void **unused) {
    (void)unused;
    static const int64_t x[3] = {1, 2, 3};
    columns c;
    columns_init(&c, 3);
    columns_add(&c, PYR_PHYSICAL_I64, x, NULL);
    pyr_vector v = run(&c, op(PYR_OP_SUBTRACT, T_I64, i64(T_I64, 10), col(0, T_I64), NULL));
    assert_int_equal(((const int64_t *)v.data)[2], 7);
    v = run(&c, op(PYR_OP_ADD, T_I64, i64(T_I64, 10), col(0, T_I64), NULL));
    assert_int_equal(((const int64_t *)v.data)[2], 13);
    char room[200];
    assert_string_equal(
        filtered(&c, room, op(PYR_OP_LESS, T_BOOL, i64(T_I64, 1), col(0, T_I64), NULL), NULL),
        "1,2");
}

static void division_by_zero_is_null(void **unused) {
    (void)unused;
    static const int32_t x[4] = {7, -7, INT32_MIN, 9}, y[4] = {2, 2, -1, 0};
    static const int32_t selected[] = {0, 1, 3, -1};
    columns c;
    columns_init(&c, 4);
    columns_add(&c, PYR_PHYSICAL_I32, x, NULL);
    columns_add(&c, PYR_PHYSICAL_I32, y, NULL);
    pyr_bound_expr *divide = op(PYR_OP_INT_DIVIDE, T_I32, col(0, T_I32), col(1, T_I32), NULL);
    pyr_error error = {0};
    assert_int_equal(run_fails(&c, divide, &error), PYR_ERROR_SQL);
    assert_string_equal(error.message, "Overflow in division of -2147483648 / -1");
    columns_select(&c, selected);
    pyr_vector v = run(&c, divide);
    assert_int_equal(((const int32_t *)v.data)[0], 3);
    assert_int_equal(((const int32_t *)v.data)[1], -3);
    assert_true(pyr_vector_is_null(&v, 3));
    assert_false(pyr_vector_is_null(&v, 1));
    v = run(&c, op(PYR_OP_MODULO, T_I32, col(0, T_I32), col(1, T_I32), NULL));
    assert_int_equal(((const int32_t *)v.data)[1], -1);
    assert_true(pyr_vector_is_null(&v, 3));
}

static void decimals_are_exact(void **unused) {
    (void)unused;
    pyr_value v;
    pyr_bound_expr *a = i64(T_DECIMAL(4, 2), 9999), *b = i64(T_DECIMAL(4, 2), 9999);
    assert_true(constant_of(op(PYR_OP_MULTIPLY, T_DECIMAL(8, 4), a, b, NULL), &v));
    assert_true(v.i128 == 99980001);
    pyr_bound_expr *most = i64(T_DECIMAL(38, 0), 0);
    for (int i = 0; i < 38; ++i) {
        most->value.i128 = most->value.i128 * 10 + 9;
    }
    columns c;
    columns_init(&c, 1);
    pyr_error error = {0};
    pyr_bound_expr *one = i64(T_DECIMAL(38, 0), 1);
    assert_int_equal(run_fails(&c, op(PYR_OP_ADD, T_DECIMAL(38, 0), most, one, NULL), &error),
                     PYR_ERROR_SQL);
    assert_string_equal(error.message, "Overflow in addition of DECIMAL(38) "
                                       "(99999999999999999999999999999999999999 + 1);");
    /* Half away from zero. */
    assert_true(constant_of(op(PYR_OP_CAST, T_I32, i64(T_DECIMAL(2, 1), 25), NULL), &v));
    assert_int_equal(v.i64, 3);
    assert_true(constant_of(op(PYR_OP_CAST, T_I32, i64(T_DECIMAL(2, 1), -25), NULL), &v));
    assert_int_equal(v.i64, -3);
    assert_true(
        constant_of(op(PYR_OP_CAST, T_DECIMAL(4, 1), i64(T_DECIMAL(5, 2), 12345), NULL), &v));
    assert_true(v.i128 == 1235);
    assert_int_equal(
        run_fails(&c, op(PYR_OP_CAST, T_DECIMAL(4, 2), i64(T_DECIMAL(5, 2), 12345), NULL), &error),
        PYR_ERROR_SQL);
    assert_string_equal(error.message, "Casting value \"123.45\" to type DECIMAL(4,2) failed: "
                                       "value is out of range!");
    assert_true(constant_of(
        op(PYR_OP_ROUND, T_DECIMAL(5, 0), i64(T_DECIMAL(5, 1), -12355), i64(T_I32, -1), NULL), &v));
    assert_true(v.i128 == -1240);
}

static void casts_round_and_say_what_does_not_fit(void **unused) {
    (void)unused;
    pyr_value v;
    assert_true(constant_of(op(PYR_OP_CAST, T_I32, f64(2.5), NULL), &v));
    assert_int_equal(v.i64, 2);
    assert_true(constant_of(op(PYR_OP_CAST, T_I32, f64(3.5), NULL), &v));
    assert_int_equal(v.i64, 4);
    columns c;
    columns_init(&c, 1);
    pyr_error error = {0};
    assert_int_equal(run_fails(&c, op(PYR_OP_CAST, T_I8, i64(T_I32, 300), NULL), &error),
                     PYR_ERROR_SQL);
    assert_string_equal(error.message,
                        "Type INT32 with value 300 can't be cast because the value is out of "
                        "range for the destination type INT8");
    assert_int_equal(run_fails(&c, op(PYR_OP_CAST, T_I32, f64(1e10), NULL), &error), PYR_ERROR_SQL);
    assert_string_equal(error.message,
                        "Type DOUBLE with value 10000000000.0 can't be cast because the value is "
                        "out of range for the destination type INT32");
    assert_false(constant_of(op(PYR_OP_TRY_CAST, T_I8, i64(T_I32, 300), NULL), &v));
    assert_false(constant_of(op(PYR_OP_TRY_CAST, T_I32, f64(NAN), NULL), &v));
}
static void try_cast_makes_failed_rows_null(void **unused) {
    (void)unused;
    static const int32_t x[6] = {1, 300, -129, -128, 127, 1000};
    columns c;
    columns_init(&c, 6);
    columns_add(&c, PYR_PHYSICAL_I32, x, NULL);
    pyr_vector v = run(&c, op(PYR_OP_TRY_CAST, T_I8, col(0, T_I32), NULL));
    static const bool null[6] = {false, true, true, false, false, true};
    for (int32_t i = 0; i < 6; ++i) {
        assert_int_equal(pyr_vector_is_null(&v, i), null[i]);
        assert_true(null[i] || ((const int8_t *)v.data)[i] == x[i]);
    }
}

/* 0: false, 1: true, 2: NULL; all pairs. */
static void and_or_and_not_are_three_valued(void **unused) {
    (void)unused;
    uint64_t a = 0, b = 0;
    int32_t a_null[10], b_null[10];
    size_t an = 0, bn = 0;
    for (int32_t i = 0; i < 9; ++i) {
        a |= (uint64_t)(i / 3 == 1) << i;
        b |= (uint64_t)(i % 3 == 1) << i;
        if (i / 3 == 2) {
            a_null[an++] = i;
        }
        if (i % 3 == 2) {
            b_null[bn++] = i;
        }
    }
    a_null[an] = b_null[bn] = -1;
    columns c;
    columns_init(&c, 9);
    columns_add(&c, PYR_PHYSICAL_BIT, &a, a_null);
    columns_add(&c, PYR_PHYSICAL_BIT, &b, b_null);
    pyr_vector all = run(&c, kind(PYR_BOUND_AND, T_BOOL, col(0, T_BOOL), col(1, T_BOOL), NULL));
    pyr_vector any = run(&c, kind(PYR_BOUND_OR, T_BOOL, col(0, T_BOOL), col(1, T_BOOL), NULL));
    pyr_vector flip = run(&c, op(PYR_OP_NOT, T_BOOL, col(0, T_BOOL), NULL));
    for (int32_t i = 0; i < 9; ++i) {
        int x = i / 3, y = i % 3;
        int want_and = x == 0 || y == 0 ? 0 : x == 2 || y == 2 ? 2 : 1;
        int want_or = x == 1 || y == 1 ? 1 : x == 2 || y == 2 ? 2 : 0;
        int got = pyr_vector_is_null(&all, i) ? 2 : (int)((*(const uint64_t *)all.data >> i) & 1);
        assert_int_equal(got, want_and);
        got = pyr_vector_is_null(&any, i) ? 2 : (int)((*(const uint64_t *)any.data >> i) & 1);
        assert_int_equal(got, want_or);
        got = pyr_vector_is_null(&flip, i) ? 2 : (int)((*(const uint64_t *)flip.data >> i) & 1);
        assert_int_equal(got, x == 2 ? 2 : 1 - x);
    }
    char room[200];
    assert_string_equal(
        filtered(&c, room, kind(PYR_BOUND_AND, T_BOOL, col(0, T_BOOL), col(1, T_BOOL), NULL), NULL),
        "4");
    assert_string_equal(
        filtered(&c, room, kind(PYR_BOUND_OR, T_BOOL, col(0, T_BOOL), col(1, T_BOOL), NULL), NULL),
        "1,3,4,5,7");
    assert_string_equal(filtered(&c, room, col(0, T_BOOL), col(1, T_BOOL), NULL), "4");
}

/* x // y > 1 where y may be zero is NULL, but x + 1 overflows for what is left out. */
static void arguments_do_not_fail_for_rows_left_out(void **unused) {
    (void)unused;
    static const int32_t x[4] = {1, INT32_MAX, 5, 6};
    columns c;
    columns_init(&c, 4);
    columns_add(&c, PYR_PHYSICAL_I32, x, NULL);
    pyr_bound_expr *small = op(PYR_OP_LESS, T_BOOL, col(0, T_I32), i64(T_I32, 100), NULL);
    pyr_bound_expr *big = op(PYR_OP_GREATER_EQUAL, T_BOOL, col(0, T_I32), i64(T_I32, 100), NULL);
    pyr_bound_expr *sum = op(PYR_OP_ADD, T_I32, col(0, T_I32), i64(T_I32, 1), NULL);
    pyr_bound_expr *over = op(PYR_OP_GREATER, T_BOOL, sum, i64(T_I32, 5), NULL);
    char room[200];
    assert_string_equal(filtered(&c, room, small, over, NULL), "2,3");
    assert_string_equal(filtered(&c, room, kind(PYR_BOUND_AND, T_BOOL, small, over, NULL), NULL),
                        "2,3");
    assert_string_equal(filtered(&c, room, kind(PYR_BOUND_OR, T_BOOL, big, over, NULL), NULL),
                        "1,2,3");
    assert_string_equal(filtered(&c, room, over, NULL),
                        "Overflow in addition of INT32 (2147483647 + 1)!");
    pyr_vector v = run(&c, kind(PYR_BOUND_CASE, T_I32, small, sum, i64(T_I32, -1), NULL));
    assert_int_equal(((const int32_t *)v.data)[0], 2);
    assert_int_equal(((const int32_t *)v.data)[1], -1);
    assert_int_equal(((const int32_t *)v.data)[3], 7);
    v = run(&c, kind(PYR_BOUND_AND, T_BOOL, small, over, NULL));
    assert_int_equal(*(const uint64_t *)v.data & 15, 12);
}

static void case_and_coalesce_put_rows_together(void **unused) {
    (void)unused;
    static const int64_t x[70] = {[0] = 1, [1] = 2, [2] = 3, [69] = 1};
    static const int32_t nulls[] = {3, 4, -1};
    columns c;
    columns_init(&c, 70);
    columns_add(&c, PYR_PHYSICAL_I64, x, nulls);
    pyr_bound_expr *is1 = op(PYR_OP_EQUAL, T_BOOL, col(0, T_I64), i64(T_I64, 1), NULL);
    pyr_bound_expr *is2 = op(PYR_OP_EQUAL, T_BOOL, col(0, T_I64), i64(T_I64, 2), NULL);
    pyr_vector v = run(&c, kind(PYR_BOUND_CASE, T_TEXT, is1, str("one"), is2, null_of(T_TEXT),
                                str("other"), NULL));
    assert_int_equal(pyr_vector_string(&v, 0).length, 3);
    assert_true(pyr_vector_is_null(&v, 1));
    assert_int_equal(pyr_vector_string(&v, 3).length, 5);
    assert_memory_equal(pyr_vector_string(&v, 69).bytes, "one", 3);
    v = run(&c, kind(PYR_BOUND_COALESCE, T_I64, col(0, T_I64), i64(T_I64, 42), NULL));
    assert_int_equal(((const int64_t *)v.data)[1], 2);
    assert_int_equal(((const int64_t *)v.data)[3], 42);
    assert_int_equal(((const int64_t *)v.data)[5], 0);
    assert_false(pyr_vector_is_null(&v, 4));
}

static void is_null_and_distinct_are_never_null(void **unused) {
    (void)unused;
    static const int32_t x[4] = {1, 2, 3, 4}, y[4] = {1, 0, 3, 4};
    static const int32_t xn[] = {1, 2, -1}, yn[] = {2, 3, -1};
    columns c;
    columns_init(&c, 4);
    columns_add(&c, PYR_PHYSICAL_I32, x, xn);
    columns_add(&c, PYR_PHYSICAL_I32, y, yn);
    char room[200];
    assert_string_equal(filtered(&c, room, op(PYR_OP_IS_NULL, T_BOOL, col(0, T_I32), NULL), NULL),
                        "1,2");
    assert_string_equal(
        filtered(&c, room, op(PYR_OP_IS_NOT_NULL, T_BOOL, col(0, T_I32), NULL), NULL), "0,3");
    pyr_bound_expr *distinct = op(PYR_OP_DISTINCT, T_BOOL, col(0, T_I32), col(1, T_I32), NULL);
    assert_string_equal(filtered(&c, room, distinct, NULL), "1,3");
    assert_string_equal(filtered(&c, room, op(PYR_OP_NOT, T_BOOL, distinct, NULL), NULL), "0,2");
    pyr_bound_expr *of_null = op(PYR_OP_NOT_DISTINCT, T_BOOL, col(0, T_I32), null_of(T_I32), NULL);
    assert_string_equal(filtered(&c, room, of_null, NULL), "1,2");
    pyr_vector v = run(&c, op(PYR_OP_GREATEST, T_I32, col(0, T_I32), col(1, T_I32), NULL));
    assert_int_equal(((const int32_t *)v.data)[0], 1);
    assert_int_equal(((const int32_t *)v.data)[1], 0);
    assert_true(pyr_vector_is_null(&v, 2));
    assert_int_equal(((const int32_t *)v.data)[3], 4);
}

static void comparisons_of_few_rows_are_those_of_many(void **unused) {
    (void)unused;
    static double x[2048];
    static int32_t some[60];
    for (int i = 0; i < 2048; ++i) {
        x[i] = i % 7 == 0 ? (double)NAN : i % 100;
    }
    columns c;
    columns_init(&c, 2048);
    columns_add(&c, PYR_PHYSICAL_F64, x, NULL);
    pyr_bound_expr *compare = op(PYR_OP_GREATER, T_BOOL, col(0, T_F64), f64(50), NULL);
    pyr_vector dense = run(&c, compare);
    uint64_t want[32];
    memcpy(want, dense.data, sizeof want);
    for (int i = 0; i < 50; ++i) {
        some[i] = i * 40 + 3;
    }
    some[50] = -1;
    columns_select(&c, some);
    pyr_vector few = run(&c, compare);
    for (int i = 0; i < 50; ++i) {
        int row = some[i];
        assert_int_equal((((const uint64_t *)few.data)[row / 64] >> (row % 64)) & 1,
                         (want[row / 64] >> (row % 64)) & 1);
        assert_int_equal((want[row / 64] >> (row % 64)) & 1, isnan(x[row]) || x[row] > 50);
    }
}

/* ---- Text. ---- */

#define TEXTS 8
static const char texts[] = "google.com"
                            "http://google.de/x"
                            ""
                            "gogoogle"
                            "GOOGLE"
                            "\xc3\xa4goo"
                            "goo"
                            "xgoogley";
static const int32_t offsets[TEXTS + 1] = {0, 10, 28, 28, 36, 42, 47, 50, 58};

static const char *like(columns *c, pyr_op which, const char *pattern, char *room) {
    return filtered(c, room, op(which, T_BOOL, col(0, T_TEXT), str(pattern), NULL), NULL);
}
static void like_knows_all_kinds_of_patterns(void **unused) {
    (void)unused;
    static const int32_t nulls[] = {7, -1};
    columns c;
    char room[200];
    columns_init(&c, TEXTS);
    columns_add_text(&c, texts, offsets, nulls);
    assert_string_equal(like(&c, PYR_OP_LIKE, "%google%", room), "0,1,3");
    assert_string_equal(like(&c, PYR_OP_LIKE, "google%", room), "0");
    assert_string_equal(like(&c, PYR_OP_LIKE, "%google", room), "3");
    assert_string_equal(like(&c, PYR_OP_LIKE, "goo", room), "6");
    assert_string_equal(like(&c, PYR_OP_LIKE, "%", room), "0,1,2,3,4,5,6");
    assert_string_equal(like(&c, PYR_OP_LIKE, "", room), "2");
    assert_string_equal(like(&c, PYR_OP_LIKE, "go%gle", room), "3");
    assert_string_equal(like(&c, PYR_OP_LIKE, "g%o%.c%m", room), "0");
    assert_string_equal(like(&c, PYR_OP_LIKE, "%o%o%o%", room), "0,3");
    assert_string_equal(like(&c, PYR_OP_LIKE, "_goo", room), "5");
    assert_string_equal(like(&c, PYR_OP_LIKE, "%_oo", room), "5,6");
    assert_string_equal(like(&c, PYR_OP_LIKE, "%_oogle%_", room), "0,1");
    assert_string_equal(like(&c, PYR_OP_ILIKE, "google", room), "4");
    assert_string_equal(like(&c, PYR_OP_ILIKE, "\xc3\x84%", room), "5");
    assert_string_equal(like(&c, PYR_OP_CONTAINS, "oogle", room), "0,1,3");
    assert_string_equal(like(&c, PYR_OP_STARTS_WITH, "go", room), "0,3,6");
    assert_string_equal(like(&c, PYR_OP_ENDS_WITH, "oo", room), "5,6");
    pyr_bound_expr *not_like = op(
        PYR_OP_NOT, T_BOOL, op(PYR_OP_LIKE, T_BOOL, col(0, T_TEXT), str("%google%"), NULL), NULL);
    assert_string_equal(filtered(&c, room, not_like, NULL), "2,4,5,6");
    static const int32_t one[] = {3, -1};
    columns_select(&c, one);
    assert_string_equal(like(&c, PYR_OP_LIKE, "%google%", room), "3");
    assert_string_equal(like(&c, PYR_OP_LIKE, "goo", room), "");
}
static void like_takes_an_escape(void **unused) {
    (void)unused;
    pyr_value v;
    const struct {
        const char *text, *pattern, *escape;
        bool want;
    } cases[] = {{"a%b", "a\\%b", "\\", true},   {"axb", "a\\%b", "\\", false},
                 {"a_b", "a#_b", "#", true},     {"axb", "a#_b", "#", false},
                 {"a_bc", "a#__c", "#", true},   {"a%b", "a%%b", "%", true},
                 {"axb", "a%%b", "%", false},    {"a#b", "a##b", "#", true},
                 {"xa_by", "%a#_b_", "#", true}, {"a\\b", "a\\b", "", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_true(constant_of(op(PYR_OP_LIKE, T_BOOL, str(cases[i].text), str(cases[i].pattern),
                                   str(cases[i].escape), NULL),
                                &v));
        assert_int_equal(v.boolean, cases[i].want);
    }
    columns c;
    columns_init(&c, 1);
    pyr_error error = {0};
    pyr_bound_expr *bad = op(PYR_OP_LIKE, T_BOOL, str("a"), str("a#"), str("#"), NULL);
    assert_int_equal(run_fails(&c, bad, &error), PYR_ERROR_NOT_SUPPORTED);
}
static void text_is_compared_bytewise(void **unused) {
    (void)unused;
    columns c;
    char room[200];
    columns_init(&c, TEXTS);
    columns_add_text(&c, texts, offsets, NULL);
    pyr_bound_expr *t = col(0, T_TEXT);
    assert_string_equal(filtered(&c, room, op(PYR_OP_EQUAL, T_BOOL, t, str("goo"), NULL), NULL),
                        "6");
    assert_string_equal(filtered(&c, room, op(PYR_OP_NOT_EQUAL, T_BOOL, t, str(""), NULL), NULL),
                        "0,1,3,4,5,6,7");
    assert_string_equal(filtered(&c, room, op(PYR_OP_LESS, T_BOOL, t, str("goo"), NULL), NULL),
                        "2,3,4");
    assert_string_equal(filtered(&c, room, op(PYR_OP_GREATER, T_BOOL, t, str("h"), NULL), NULL),
                        "1,5,7");
    pyr_vector v = run(&c, op(PYR_OP_STRLEN, T_I64, t, NULL));
    assert_int_equal(((const int64_t *)v.data)[5], 5);
    v = run(&c, op(PYR_OP_LENGTH, T_I64, t, NULL));
    assert_int_equal(((const int64_t *)v.data)[5], 4);
}

static void in_looks_the_list_up(void **unused) {
    (void)unused;
    static const int32_t x[6] = {1, 5, 9, 13, 100, 7};
    static const int32_t nulls[] = {5, -1};
    columns c;
    char room[200];
    columns_init(&c, 6);
    columns_add(&c, PYR_PHYSICAL_I32, x, nulls);
    pyr_bound_expr *few = op(PYR_OP_IN, T_BOOL, col(0, T_I32), i64(T_I32, 5), i64(T_I32, 7), NULL);
    assert_string_equal(filtered(&c, room, few, NULL), "1");
    assert_string_equal(filtered(&c, room, op(PYR_OP_NOT, T_BOOL, few, NULL), NULL), "0,2,3,4");
    pyr_bound_expr *with_null =
        op(PYR_OP_IN, T_BOOL, col(0, T_I32), i64(T_I32, 5), null_of(T_I32), NULL);
    assert_string_equal(filtered(&c, room, with_null, NULL), "1");
    assert_string_equal(filtered(&c, room, op(PYR_OP_NOT, T_BOOL, with_null, NULL), NULL), "");
    pyr_bound_expr *many = op(PYR_OP_IN, T_BOOL, col(0, T_I32), NULL);
    for (int32_t i = 0; i < 20; ++i) {
        many->arguments[many->arguments_count++] = i64(T_I32, i * 4 + 1);
    }
    assert_string_equal(filtered(&c, room, many, NULL), "0,1,2,3");
    columns_add_text(&c, texts, offsets, NULL);
    pyr_bound_expr *words =
        op(PYR_OP_IN, T_BOOL, col(1, T_TEXT), str("goo"), str("GOOGLE"), str("1"), str("2"),
           str("3"), str("4"), str("5"), str("6"), str(""), str("7"), NULL);
    assert_string_equal(filtered(&c, room, words, NULL), "2,4");
}

/* ---- Dates. ---- */

static void parts_are_those_of_the_calendar(void **unused) {
    (void)unused;
    pyr_value v;
    /* 2021-01-03, a Sunday of 2020's last week */
    pyr_bound_expr *d = i64(T_DATE, 18630);
    const struct {
        pyr_date_part part;
        int64_t want;
    } cases[] = {
        {PYR_PART_YEAR, 2021},         {PYR_PART_MONTH, 1},       {PYR_PART_DAY, 3},
        {PYR_PART_WEEK, 53},           {PYR_PART_ISO_YEAR, 2020}, {PYR_PART_DAY_OF_WEEK, 0},
        {PYR_PART_ISO_DAY_OF_WEEK, 7}, {PYR_PART_QUARTER, 1},     {PYR_PART_DAY_OF_YEAR, 3},
        {PYR_PART_CENTURY, 21},        {PYR_PART_DECADE, 202},    {PYR_PART_HOUR, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_true(constant_of(part(PYR_OP_EXTRACT, cases[i].part, T_I64, d, NULL), &v));
        assert_int_equal(v.i64, cases[i].want);
    }
    /* 1969-12-31 23:59:58.5 */
    pyr_bound_expr *t = i64(T_STAMP, -1500000);
    assert_true(constant_of(part(PYR_OP_EXTRACT, PYR_PART_SECOND, T_I64, t, NULL), &v));
    assert_int_equal(v.i64, 58);
    assert_true(constant_of(part(PYR_OP_EXTRACT, PYR_PART_MILLISECOND, T_I64, t, NULL), &v));
    assert_int_equal(v.i64, 58500);
    assert_true(constant_of(part(PYR_OP_EXTRACT, PYR_PART_EPOCH, T_F64, t, NULL), &v));
    assert_true(v.f64 == -1.5);
    assert_true(constant_of(part(PYR_OP_DATE_TRUNC, PYR_PART_MINUTE, T_STAMP, t, NULL), &v));
    assert_int_equal(v.i64, -60000000);
    assert_true(constant_of(part(PYR_OP_DATE_TRUNC, PYR_PART_WEEK, T_STAMP, d, NULL), &v));
    assert_int_equal(v.i64, INT64_C(18624) * 86400000000);
    assert_false(
        constant_of(part(PYR_OP_EXTRACT, PYR_PART_YEAR, T_I64, i64(T_DATE, INT32_MAX), NULL), &v));
    assert_true(constant_of(
        part(PYR_OP_DATE_TRUNC, PYR_PART_YEAR, T_STAMP, i64(T_STAMP, -INT64_MAX), NULL), &v));
    assert_true(v.i64 == -INT64_MAX);
}
static void months_keep_the_day_within_the_month(void **unused) {
    (void)unused;
    pyr_value v;
    pyr_bound_expr *month = i64(T_INTERVAL, 0);
    month->value.interval = (pyr_interval){1, 0, 0};
    pyr_bound_expr *d = i64(T_DATE, 18292); /* 2020-01-31 */
    assert_true(constant_of(op(PYR_OP_ADD, T_STAMP, d, month, NULL), &v));
    assert_int_equal(v.i64, INT64_C(18321) * 86400000000); /* 2020-02-29 */
    assert_true(constant_of(op(PYR_OP_ADD, T_STAMP, month, d, NULL), &v));
    assert_int_equal(v.i64, INT64_C(18321) * 86400000000);
    assert_true(constant_of(op(PYR_OP_SUBTRACT, T_STAMP, d, month, NULL), &v));
    assert_int_equal(v.i64, INT64_C(18261) * 86400000000); /* 2019-12-31 */
    pyr_bound_expr *infinity = i64(T_DATE, INT32_MAX);
    assert_true(constant_of(op(PYR_OP_ADD, T_STAMP, infinity, month, NULL), &v));
    assert_true(v.i64 == INT64_MAX);
    assert_true(constant_of(op(PYR_OP_ADD, T_DATE, infinity, i64(T_I32, 5), NULL), &v));
    assert_int_equal(v.i64, INT32_MAX);
    assert_true(constant_of(op(PYR_OP_SUBTRACT, T_I64, d, i64(T_DATE, 18262), NULL), &v));
    assert_int_equal(v.i64, 30);
}

static void shared_expressions_are_right_for_every_set_of_rows(void **unused) {
    (void)unused;
    static const int32_t x[4] = {1, 2, 3, 4};
    columns c;
    columns_init(&c, 4);
    columns_add(&c, PYR_PHYSICAL_I32, x, NULL);
    pyr_bound_expr *twice = op(PYR_OP_MULTIPLY, T_I32, col(0, T_I32), i64(T_I32, 2), NULL);
    pyr_bound_expr *low = op(PYR_OP_LESS, T_BOOL, col(0, T_I32), i64(T_I32, 3), NULL);
    pyr_bound_expr *some = kind(PYR_BOUND_CASE, T_I32, low, twice, i64(T_I32, 0), NULL);
    pyr_bound_expr *roots[3] = {some, twice, op(PYR_OP_ADD, T_I32, some, twice, NULL)};
    pyr_eval *eval = NULL;
    pyr_vector out[3];
    assert_int_equal(pyr_eval_create(roots, 3, NULL, NULL, &eval, NULL), PYR_OK);
    for (int round = 0; round < 2; ++round) {
        assert_int_equal(pyr_eval_run(eval, &c.chunk, out, NULL), PYR_OK);
        for (int32_t i = 0; i < 4; ++i) {
            assert_int_equal(((const int32_t *)out[0].data)[i], x[i] < 3 ? x[i] * 2 : 0);
            assert_int_equal(((const int32_t *)out[1].data)[i], x[i] * 2);
            assert_int_equal(((const int32_t *)out[2].data)[i], x[i] < 3 ? x[i] * 4 : x[i] * 2);
        }
    }
    pyr_eval_destroy(eval);
}

static void what_is_not_covered_is_refused_by_name(void **unused) {
    (void)unused;
    columns c;
    columns_init(&c, 1);
    pyr_error error = {0};
    pyr_bound_expr *bad = op(PYR_OP_ADD, T_TEXT, str("a"), str("b"), NULL);
    assert_int_equal(run_fails(&c, bad, &error), PYR_ERROR_NOT_SUPPORTED);
    assert_string_equal(error.sqlstate, "0A000");
    assert_string_equal(error.message, "+ (VARCHAR, VARCHAR) is not covered by the native engine");
    (void)none;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_fail_for_rows_that_count_alone),
        cmocka_unit_test(constants_may_stand_first),
        cmocka_unit_test(division_by_zero_is_null),
        cmocka_unit_test(decimals_are_exact),
        cmocka_unit_test(casts_round_and_say_what_does_not_fit),
        cmocka_unit_test(try_cast_makes_failed_rows_null),
        cmocka_unit_test(and_or_and_not_are_three_valued),
        cmocka_unit_test(arguments_do_not_fail_for_rows_left_out),
        cmocka_unit_test(case_and_coalesce_put_rows_together),
        cmocka_unit_test(is_null_and_distinct_are_never_null),
        cmocka_unit_test(comparisons_of_few_rows_are_those_of_many),
        cmocka_unit_test(like_knows_all_kinds_of_patterns),
        cmocka_unit_test(like_takes_an_escape),
        cmocka_unit_test(text_is_compared_bytewise),
        cmocka_unit_test(in_looks_the_list_up),
        cmocka_unit_test(parts_are_those_of_the_calendar),
        cmocka_unit_test(months_keep_the_day_within_the_month),
        cmocka_unit_test(shared_expressions_are_right_for_every_set_of_rows),
        cmocka_unit_test(what_is_not_covered_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, support_free);
}
