/* bound_print.c - bound expressions as SQL would write them. */
#include "base/text.h"
#include "plan/civil.h"
#include "plan/fold.h"
#include "plan/print.h"

#include <inttypes.h>
#include <string.h>

static const char *op_name(pyr_op op) {
    static const char *const names[PYR_OPS_COUNT] = {
        [PYR_OP_ADD] = "+",
        [PYR_OP_SUBTRACT] = "-",
        [PYR_OP_MULTIPLY] = "*",
        [PYR_OP_DIVIDE] = "/",
        [PYR_OP_INT_DIVIDE] = "//",
        [PYR_OP_MODULO] = "%",
        [PYR_OP_NEGATE] = "-",
        [PYR_OP_ABS] = "abs",
        [PYR_OP_BIT_AND] = "&",
        [PYR_OP_BIT_OR] = "|",
        [PYR_OP_BIT_XOR] = "xor",
        [PYR_OP_SHIFT_LEFT] = "<<",
        [PYR_OP_SHIFT_RIGHT] = ">>",
        [PYR_OP_FLOOR] = "floor",
        [PYR_OP_CEIL] = "ceil",
        [PYR_OP_ROUND] = "round",
        [PYR_OP_SQRT] = "sqrt",
        [PYR_OP_POWER] = "power",
        [PYR_OP_EXP] = "exp",
        [PYR_OP_LN] = "ln",
        [PYR_OP_LOG10] = "log10",
        [PYR_OP_LOG2] = "log2",
        [PYR_OP_SIGN] = "sign",
        [PYR_OP_EQUAL] = "=",
        [PYR_OP_NOT_EQUAL] = "<>",
        [PYR_OP_LESS] = "<",
        [PYR_OP_LESS_EQUAL] = "<=",
        [PYR_OP_GREATER] = ">",
        [PYR_OP_GREATER_EQUAL] = ">=",
        [PYR_OP_DISTINCT] = "IS DISTINCT FROM",
        [PYR_OP_NOT_DISTINCT] = "IS NOT DISTINCT FROM",
        [PYR_OP_IS_NULL] = "IS NULL",
        [PYR_OP_IS_NOT_NULL] = "IS NOT NULL",
        [PYR_OP_GREATEST] = "greatest",
        [PYR_OP_LEAST] = "least",
        [PYR_OP_IN] = "IN",
        [PYR_OP_LIKE] = "LIKE",
        [PYR_OP_ILIKE] = "ILIKE",
        [PYR_OP_STARTS_WITH] = "starts_with",
        [PYR_OP_ENDS_WITH] = "ends_with",
        [PYR_OP_CONTAINS] = "contains",
        [PYR_OP_REGEXP_MATCHES] = "regexp_matches",
        [PYR_OP_REGEXP_FULL_MATCH] = "regexp_full_match",
        [PYR_OP_REGEXP_REPLACE] = "regexp_replace",
        [PYR_OP_REGEXP_EXTRACT] = "regexp_extract",
        [PYR_OP_STRLEN] = "strlen",
        [PYR_OP_LENGTH] = "length",
        [PYR_OP_LOWER] = "lower",
        [PYR_OP_UPPER] = "upper",
        [PYR_OP_SUBSTRING] = "substring",
        [PYR_OP_LEFT] = "left",
        [PYR_OP_RIGHT] = "right",
        [PYR_OP_TRIM] = "trim",
        [PYR_OP_LTRIM] = "ltrim",
        [PYR_OP_RTRIM] = "rtrim",
        [PYR_OP_REPLACE] = "replace",
        [PYR_OP_REVERSE] = "reverse",
        [PYR_OP_REPEAT] = "repeat",
        [PYR_OP_LPAD] = "lpad",
        [PYR_OP_RPAD] = "rpad",
        [PYR_OP_POSITION] = "strpos",
        [PYR_OP_SPLIT_PART] = "split_part",
        [PYR_OP_CONCAT] = "||",
        [PYR_OP_CONCAT_FN] = "concat",
        [PYR_OP_CONCAT_WS] = "concat_ws",
        [PYR_OP_ASCII] = "ascii",
        [PYR_OP_CHR] = "chr",
        [PYR_OP_EXTRACT] = "date_part",
        [PYR_OP_DATE_TRUNC] = "date_trunc",
        [PYR_OP_DATE_DIFF] = "date_diff",
        [PYR_OP_EPOCH] = "epoch_to_timestamp",
        [PYR_OP_MAKE_DATE] = "make_date",
        [PYR_OP_NOT] = "NOT",
    };
    return names[op] != NULL ? names[op] : "?";
}

static const char *part_name(pyr_date_part part) {
    static const char *const names[] = {
        "",       "millennium", "century",     "decade",      "year",       "quarter", "month",
        "week",   "day",        "dow",         "isodow",      "doy",        "isoyear", "hour",
        "minute", "second",     "millisecond", "microsecond", "nanosecond", "epoch"};
    return names[part];
}

/* ---- Constants. ---- */

static void print_i128(pyr_text *out, pyr_i128 value, int scale) {
    char digits[48];
    int count = 0;
    pyr_u128 rest = value < 0 ? -(pyr_u128)value : (pyr_u128)value;
    do {
        digits[count++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0 || count <= scale);
    if (value < 0) {
        pyr_text_add_char(out, '-');
    }
    while (count > 0) {
        pyr_text_add_char(out, digits[--count]);
        if (count == scale && scale > 0) {
            pyr_text_add_char(out, '.');
        }
    }
}

static void print_string(pyr_text *out, pyr_string string) {
    pyr_text_add_char(out, '\'');
    for (uint64_t i = 0; i < string.length; ++i) {
        if (string.bytes[i] == '\'') {
            pyr_text_add_char(out, '\'');
        }
        pyr_text_add_char(out, (char)string.bytes[i]);
    }
    pyr_text_add_char(out, '\'');
}

static void print_day(pyr_text *out, int64_t days) {
    int64_t year;
    int32_t month;
    int32_t day;
    pyr_civil_of_days(days, &year, &month, &day);
    pyr_text_printf(out, "%04" PRId64 "-%02d-%02d", year, month, day);
}

static void print_us(pyr_text *out, int64_t us) {
    int64_t days = us / PYR_DAY_US - (us % PYR_DAY_US < 0);
    int64_t time = us - days * PYR_DAY_US;
    print_day(out, days);
    pyr_text_printf(out, " %02d:%02d:%02d", (int)(time / 3600000000), (int)(time / 60000000 % 60),
                    (int)(time / 1000000 % 60));
    if (time % 1000000 != 0) {
        pyr_text_printf(out, ".%06d", (int)(time % 1000000));
    }
}

static void print_constant(pyr_text *out, const pyr_bound_expr *constant) {
    pyr_sql_type type = constant->type;
    char room[24];
    if (constant->is_null) {
        pyr_text_add(out, "NULL");
        return;
    }
    switch (type.id) {
    case PYR_SQL_BOOLEAN:
        pyr_text_add(out, constant->value.boolean ? "true" : "false");
        break;
    case PYR_SQL_FLOAT:
    case PYR_SQL_DOUBLE:
        pyr_text_add_double(out, constant->value.f64);
        break;
    case PYR_SQL_VARCHAR:
    case PYR_SQL_BLOB:
        print_string(out, constant->value.string);
        break;
    case PYR_SQL_DATE:
        pyr_text_add(out, "DATE '");
        print_day(out, constant->value.i64);
        pyr_text_add_char(out, '\'');
        break;
    case PYR_SQL_TIMESTAMP:
    case PYR_SQL_TIMESTAMPTZ:
        pyr_text_printf(out, "%s '", pyr_sql_type_name(type, room));
        print_us(out, constant->value.i64);
        pyr_text_add_char(out, '\'');
        break;
    case PYR_SQL_INTERVAL:
        pyr_text_printf(out, "INTERVAL '%d months %d days %" PRId64 " us'",
                        constant->value.interval.months, constant->value.interval.days,
                        constant->value.interval.nanos / 1000);
        break;
    default:
        print_i128(out, pyr_fold_i128(type, constant->value), type.scale);
        break;
    }
}

/* ---- Trees. ---- */

static void print_list(pyr_text *out, const pyr_bound_expr *expression, int32_t from,
                       const char *between, const pyr_column_names *names) {
    for (int32_t i = from; i < expression->arguments_count; ++i) {
        if (i > from) {
            pyr_text_add(out, between);
        }
        pyr_bound_print_with(expression->arguments[i], names, out);
    }
}

static void print_call(pyr_text *out, const pyr_bound_expr *operation,
                       const pyr_column_names *names) {
    pyr_text_printf(out, "%s(", op_name(operation->op));
    if (operation->part != PYR_PART_NONE) {
        pyr_text_printf(out, "'%s', ", part_name(operation->part));
    }
    print_list(out, operation, 0, ", ", names);
    pyr_text_add_char(out, ')');
}

static bool is_infix(const pyr_bound_expr *operation) {
    char first = op_name(operation->op)[0];
    bool letters =
        (first >= 'a' && first <= 'z') || operation->op == PYR_OP_IN || operation->op == PYR_OP_NOT;
    return operation->arguments_count == 2 && !letters;
}

static void print_operation(pyr_text *out, const pyr_bound_expr *operation,
                            const pyr_column_names *names) {
    char room[24];
    switch (operation->op) {
    case PYR_OP_CAST:
    case PYR_OP_TRY_CAST:
        pyr_text_add(out, operation->op == PYR_OP_CAST ? "CAST(" : "TRY_CAST(");
        print_list(out, operation, 0, ", ", names);
        pyr_text_printf(out, " AS %s)", pyr_sql_type_name(operation->type, room));
        return;
    case PYR_OP_IS_NULL:
    case PYR_OP_IS_NOT_NULL:
        pyr_text_add_char(out, '(');
        print_list(out, operation, 0, "", names);
        pyr_text_printf(out, " %s)", op_name(operation->op));
        return;
    case PYR_OP_NOT:
        pyr_text_add(out, "(NOT ");
        print_list(out, operation, 0, "", names);
        pyr_text_add_char(out, ')');
        return;
    case PYR_OP_IN:
        pyr_text_add_char(out, '(');
        pyr_bound_print_with(operation->arguments[0], names, out);
        pyr_text_add(out, " IN (");
        print_list(out, operation, 1, ", ", names);
        pyr_text_add(out, "))");
        return;
    default:
        break;
    }
    if (is_infix(operation)) {
        char between[32];
        size_t length = strlen(op_name(operation->op));
        between[0] = ' ';
        memcpy(between + 1, op_name(operation->op), length);
        memcpy(between + 1 + length, " ", 2);
        pyr_text_add_char(out, '(');
        print_list(out, operation, 0, between, names);
        pyr_text_add_char(out, ')');
    } else {
        print_call(out, operation, names);
    }
}

static void print_case(pyr_text *out, const pyr_bound_expr *expression,
                       const pyr_column_names *names) {
    pyr_text_add(out, "CASE");
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        bool last = i == expression->arguments_count - 1;
        pyr_text_add(out, last ? " ELSE " : i % 2 == 0 ? " WHEN " : " THEN ");
        pyr_bound_print_with(expression->arguments[i], names, out);
    }
    pyr_text_add(out, " END");
}

static void print_column(pyr_text *out, const pyr_bound_expr *column,
                         const pyr_column_names *names) {
    const pyr_plan_column *found =
        names->of != NULL ? names->of(names->context, column->column) : NULL;
    if (found != NULL && found->name != NULL && found->name[0] != '\0') {
        pyr_text_add(out, found->name);
    } else {
        pyr_text_printf(out, "#%d", column->column);
    }
}

void pyr_bound_print_with(const pyr_bound_expr *expression, const pyr_column_names *names,
                          pyr_text *out) {
    switch (expression->kind) {
    case PYR_BOUND_COLUMN:
        print_column(out, expression, names);
        break;
    case PYR_BOUND_CONSTANT:
        print_constant(out, expression);
        break;
    case PYR_BOUND_OPERATION:
        print_operation(out, expression, names);
        break;
    case PYR_BOUND_AND:
    case PYR_BOUND_OR:
        pyr_text_add_char(out, '(');
        print_list(out, expression, 0, expression->kind == PYR_BOUND_AND ? " AND " : " OR ", names);
        pyr_text_add_char(out, ')');
        break;
    case PYR_BOUND_CASE:
        print_case(out, expression, names);
        break;
    case PYR_BOUND_COALESCE:
        pyr_text_add(out, "coalesce(");
        print_list(out, expression, 0, ", ", names);
        pyr_text_add_char(out, ')');
        break;
    case PYR_BOUND_SCALAR:
        pyr_text_printf(out, "(subquery %d)", expression->subquery);
        break;
    }
}

static const pyr_plan_column *of_output(void *context, int32_t column) {
    const pyr_node *node = context;
    return node != NULL && column >= 0 && column < node->columns_count ? &node->columns[column]
                                                                       : NULL;
}

void pyr_bound_print(const pyr_bound_expr *expression, const pyr_node *input, pyr_text *out) {
    pyr_column_names names = {of_output, (void *)input};
    pyr_bound_print_with(expression, &names, out);
}
