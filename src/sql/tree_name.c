/* tree_name.c - what DuckDB calls a result column that has no alias.
 *
 * It prints the parsed expression in a normal form of its own; the rules here were found by asking
 * DuckDB 1.5.6 and are held by tests/unit/sql/tree_name_test.c. Where we are not sure there is no
 * name, and the query is not covered.
 */
#include "base/text.h"
#include "sql/keywords.h"
#include "sql/literal.h"
#include "sql/tree_internal.h"

#include <stdio.h>
#include <string.h>

/* Every printer says whether it is sure. */
static bool print(const pyr_expr *expression, pyr_arena *arena, pyr_text *text);

/* DuckDB quotes keywords of any kind and what is more than ASCII letters, digits and '_'. Upper
 * case stays for columns. */
static void print_name(const char *name, pyr_text *text) {
    bool plain = name[0] != '\0' && !(name[0] >= '0' && name[0] <= '9');
    for (const char *c = name; plain && *c != '\0'; ++c) {
        plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                *c == '_';
    }
    if (plain && !pyr_keyword_is_any(name, strlen(name))) {
        pyr_text_add(text, name);
        return;
    }
    pyr_text_add_char(text, '"');
    for (const char *c = name; *c != '\0'; ++c) {
        pyr_text_add(text, *c == '"' ? "\"" : "");
        pyr_text_add_char(text, *c);
    }
    pyr_text_add_char(text, '"');
}

static bool print_column(const pyr_expr *column, pyr_text *text) {
    if (column->as.column.schema_name != NULL) {
        print_name(column->as.column.schema_name, text);
        pyr_text_add_char(text, '.');
    }
    if (column->as.column.table != NULL) {
        print_name(column->as.column.table, text);
        pyr_text_add_char(text, '.');
    }
    print_name(column->as.column.name, text);
    return true;
}

static bool print_literal(const pyr_expr *literal, pyr_arena *arena, pyr_text *text) {
    char *name = pyr_literal_name(&literal->as.literal, arena);
    text->failed = text->failed || name == NULL;
    pyr_text_add(text, name != NULL ? name : "");
    return true;
}

static bool print_list(const pyr_expr_list *list, size_t first, const char *between,
                       pyr_arena *arena, pyr_text *text) {
    bool sure = true;
    for (size_t i = first; i < list->count && sure; ++i) {
        pyr_text_add(text, i > first ? between : "");
        sure = print(list->items[i], arena, text);
    }
    return sure;
}

/* (a <between> b <between> c) */
static bool print_joined(const pyr_expr_list *list, const char *between, pyr_arena *arena,
                         pyr_text *text) {
    pyr_text_add_char(text, '(');
    bool sure = print_list(list, 0, between, arena, text);
    pyr_text_add_char(text, ')');
    return sure;
}

static bool print_order(const pyr_order_list *order, pyr_arena *arena, pyr_text *text) {
    bool sure = true;
    for (size_t i = 0; i < order->count && sure; ++i) {
        const pyr_order_item *item = &order->items[i];
        pyr_text_add(text, i > 0 ? ", " : "ORDER BY ");
        sure = print(item->expression, arena, text);
        if (item->direction_given) {
            pyr_text_add(text, item->descending ? " DESC" : " ASC");
        }
        if (item->nulls_given) {
            pyr_text_add(text, item->nulls_first ? " NULLS FIRST" : " NULLS LAST");
        }
    }
    return sure;
}

/* ---- Calls. ---- */

/* Prefix and suffix are written as calls or behind; the others stand between. */
static bool print_operator(const pyr_expr *call, bool negated, pyr_arena *arena, pyr_text *text) {
    static const struct {
        const char *name, *printed;
    } between[] = {{"<>", " != "},
                   {"is distinct from", " IS DISTINCT FROM "},
                   {"is not distinct from", " IS NOT DISTINCT FROM "}};
    static const struct {
        const char *name, *before, *behind;
    } around[] = {{"is null", "(", " IS NULL)"},
                  {"is not null", "(", " IS NOT NULL)"},
                  {"is true", "(CAST(", " AS BOOLEAN) IS NOT DISTINCT FROM true)"},
                  {"is not true", "(CAST(", " AS BOOLEAN) IS DISTINCT FROM true)"},
                  {"is false", "(CAST(", " AS BOOLEAN) IS NOT DISTINCT FROM false)"},
                  {"is not false", "(CAST(", " AS BOOLEAN) IS DISTINCT FROM false)"}};
    const char *name = call->as.call.name;
    const pyr_expr_list *arguments = &call->as.call.arguments;
    for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); ++i) {
        if (strcmp(name, around[i].name) == 0) {
            pyr_text_add(text, around[i].before);
            bool sure = print_list(arguments, 0, ", ", arena, text);
            pyr_text_add(text, around[i].behind);
            return sure;
        }
    }
    if (arguments->count == 1) {
        pyr_text_add(text, name);
        return print_joined(arguments, "", arena, text);
    }
    const char *sign = name;
    for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); ++i) {
        if (strcmp(name, between[i].name) == 0) {
            return print_joined(arguments, between[i].printed, arena, text);
        }
    }
    char sign_text[16];
    int length = snprintf(sign_text, sizeof(sign_text), " %s%s ", negated ? "!" : "", sign);
    return length > 0 && (size_t)length < sizeof(sign_text) &&
           print_joined(arguments, sign_text, arena, text);
}

/* LIKE with ESCAPE, EXTRACT, SUBSTRING and the like: functions of the schema main. *found false: an
 * operator. */
static bool print_construct(const pyr_expr *call, bool negated, bool *found, pyr_arena *arena,
                            pyr_text *text) {
    static const char *const names[][2] = {
        {"extract", "date_part"},     {"substring", "\"substring\""},
        {"position", "\"position\""}, {"trim", "\"trim\""},
        {"ltrim", "ltrim"},           {"rtrim", "rtrim"}};
    const pyr_expr_list *arguments = &call->as.call.arguments;
    const char *name = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcmp(call->as.call.name, names[i][0]) == 0) {
            name = names[i][1];
        }
    }
    if (arguments->count == 3 && call->as.call.name[0] == '~') {
        name = strcmp(call->as.call.name, "~~*") == 0 ? "ilike_escape" : "like_escape";
    }
    *found = name != NULL;
    if (name == NULL) {
        return false;
    }
    pyr_text_printf(text, "main.%s%s", negated ? "not_" : "", name);
    if (strcmp(call->as.call.name, "position") == 0) {
        /* The text first. */
        pyr_text_add_char(text, '(');
        bool sure = print(arguments->items[1], arena, text);
        pyr_text_add(text, ", ");
        sure = sure && print(arguments->items[0], arena, text);
        pyr_text_add_char(text, ')');
        return sure;
    }
    return print_joined(arguments, ", ", arena, text);
}

static bool print_bound(pyr_frame_bound bound, const pyr_expr *by, pyr_arena *arena,
                        pyr_text *text) {
    static const char *const words[] = {[PYR_FRAME_UNBOUNDED_PRECEDING] = "UNBOUNDED PRECEDING",
                                        [PYR_FRAME_PRECEDING] = " PRECEDING",
                                        [PYR_FRAME_CURRENT] = "CURRENT ROW",
                                        [PYR_FRAME_FOLLOWING] = " FOLLOWING",
                                        [PYR_FRAME_UNBOUNDED_FOLLOWING] = "UNBOUNDED FOLLOWING"};
    bool sure = by == NULL || print(by, arena, text);
    pyr_text_add(text, words[bound]);
    return sure;
}

/* Nothing for the frame that is there without one. One that is unbounded on both sides is printed
 * as ROWS. */
static bool print_frame(const pyr_window *window, bool space, pyr_arena *arena, pyr_text *text) {
    static const char *const words[] = {"ROWS", "RANGE", "GROUPS"};
    bool from_start = window->start == PYR_FRAME_UNBOUNDED_PRECEDING;
    bool to_end = window->end == PYR_FRAME_UNBOUNDED_FOLLOWING;
    if (!window->frame_given ||
        (window->frame == PYR_FRAME_RANGE && from_start && window->end == PYR_FRAME_CURRENT)) {
        return true;
    }
    pyr_text_printf(text, "%s%s BETWEEN ", space ? " " : "",
                    words[from_start && to_end ? PYR_FRAME_ROWS : window->frame]);
    bool sure = print_bound(window->start, window->start_by, arena, text);
    pyr_text_add(text, " AND ");
    return sure && print_bound(window->end, window->end_by, arena, text);
}

static bool print_window(const pyr_window *window, pyr_arena *arena, pyr_text *text) {
    bool sure = true;
    pyr_text_add(text, " OVER (");
    if (window->partition.count > 0) {
        pyr_text_add(text, "PARTITION BY ");
        sure = print_list(&window->partition, 0, ", ", arena, text);
    }
    if (window->order.count > 0) {
        pyr_text_add(text, window->partition.count > 0 ? " " : "");
        sure = sure && print_order(&window->order, arena, text);
    }
    sure =
        sure && print_frame(window, window->partition.count + window->order.count > 0, arena, text);
    pyr_text_add_char(text, ')');
    return sure;
}

/* DuckDB's parser makes other expressions of these. *found false: a function as others. */
static bool print_rewritten(const pyr_expr *call, bool *found, pyr_arena *arena, pyr_text *text) {
    const pyr_expr_list *arguments = &call->as.call.arguments;
    const char *name = call->as.call.name;
    *found = true;
    if (strcmp(name, "if") == 0 && arguments->count == 3) {
        pyr_text_add(text, "CASE  WHEN (");
        bool sure = print(arguments->items[0], arena, text);
        pyr_text_add(text, ") THEN (");
        sure = sure && print(arguments->items[1], arena, text);
        pyr_text_add(text, ") ELSE ");
        sure = sure && print(arguments->items[2], arena, text);
        pyr_text_add(text, " END");
        return sure;
    }
    if (strcmp(name, "coalesce") == 0 || (strcmp(name, "ifnull") == 0 && arguments->count == 2)) {
        pyr_text_add(text, "COALESCE");
        return print_joined(arguments, ", ", arena, text);
    }
    if (strcmp(name, "grouping") == 0 || strcmp(name, "grouping_id") == 0) {
        pyr_text_add(text, "GROUPING");
        return print_joined(arguments, ", ", arena, text);
    }
    *found = false;
    return strcmp(name, "if") != 0 && strcmp(name, "ifnull") != 0;
}

static bool print_function(const pyr_expr *call, pyr_arena *arena, pyr_text *text) {
    bool plain = !call->as.call.distinct && call->as.call.order.count == 0 &&
                 call->as.call.filter == NULL && call->as.call.window == NULL;
    bool found = false;
    bool sure = print_rewritten(call, &found, arena, text);
    if (found || !sure) {
        return sure && plain;
    }
    if (call->as.call.star && call->as.call.window == NULL) {
        pyr_text_add(text, "count_star(");
    } else {
        if (call->as.call.window != NULL) {
            pyr_text_add(text, call->as.call.name); /* never quoted there */
        } else {
            print_name(call->as.call.name, text);
        }
        pyr_text_add(text, call->as.call.distinct ? "(DISTINCT " : "(");
    }
    sure = print_list(&call->as.call.arguments, 0, ", ", arena, text);
    if (call->as.call.order.count > 0) {
        pyr_text_add_char(text, ' ');
        sure = sure && print_order(&call->as.call.order, arena, text);
    }
    pyr_text_add(text, call->as.call.ignore_nulls ? " IGNORE NULLS)" : ")");
    if (call->as.call.filter != NULL) {
        pyr_text_add(text, " FILTER (WHERE ");
        sure = sure && print(call->as.call.filter, arena, text);
        pyr_text_add_char(text, ')');
    }
    return sure &&
           (call->as.call.window == NULL || print_window(call->as.call.window, arena, text));
}

static bool print_call(const pyr_expr *call, bool negated, pyr_arena *arena, pyr_text *text) {
    if (!call->as.call.is_operator) {
        return print_function(call, arena, text);
    }
    bool found = false;
    bool sure = print_construct(call, negated, &found, arena, text);
    return found ? sure : print_operator(call, negated, arena, text);
}

/* ---- The other kinds. ---- */

static bool print_not(const pyr_expr *node, pyr_arena *arena, pyr_text *text) {
    const pyr_expr *value = node->as.list.items[0];
    if (node->negated) {
        return print_call(value, true, arena, text);
    }
    pyr_text_add(text, "(NOT ");
    bool sure = print(value, arena, text);
    pyr_text_add_char(text, ')');
    return sure;
}

static bool print_between(const pyr_expr *node, pyr_arena *arena, pyr_text *text) {
    const pyr_expr_list *list = &node->as.list;
    pyr_text_add(text, node->negated ? "(NOT (" : "(");
    bool sure = print(list->items[0], arena, text);
    pyr_text_add(text, " BETWEEN ");
    sure = sure && print_list(list, 1, " AND ", arena, text);
    pyr_text_add(text, node->negated ? "))" : ")");
    return sure;
}

static bool print_in(const pyr_expr *node, pyr_arena *arena, pyr_text *text) {
    pyr_text_add_char(text, '(');
    bool sure = print(node->as.list.items[0], arena, text);
    pyr_text_add(text, node->negated ? " NOT IN (" : " IN (");
    sure = sure && print_list(&node->as.list, 1, ", ", arena, text);
    pyr_text_add(text, "))");
    return sure;
}

static bool print_case(const pyr_expr *node, pyr_arena *arena, pyr_text *text) {
    bool sure = true;
    pyr_text_add(text, "CASE ");
    for (size_t i = 0; i < node->as.when.arms_count && sure; ++i) {
        const pyr_case_arm *arm = &node->as.when.arms[i];
        pyr_text_add(text, " WHEN (");
        if (node->as.when.operand != NULL) {
            pyr_text_add_char(text, '(');
            sure = print(node->as.when.operand, arena, text);
            pyr_text_add(text, " = ");
        }
        sure = sure && print(arm->when, arena, text);
        pyr_text_add(text, node->as.when.operand != NULL ? ")) THEN (" : ") THEN (");
        sure = sure && print(arm->then, arena, text);
        pyr_text_add_char(text, ')');
    }
    pyr_text_add(text, " ELSE ");
    if (node->as.when.otherwise == NULL) {
        pyr_text_add(text, "NULL");
    } else {
        sure = sure && print(node->as.when.otherwise, arena, text);
    }
    pyr_text_add(text, " END");
    return sure;
}

/* ---- Types. ---- */

typedef struct printed_type {
    const char *name;    /* as it may be written, lower case */
    const char *printed; /* quotes included */
    int numbers;         /* how many may stand in brackets, printed */
} printed_type;

static const printed_type printed_types[] = {
    {"integer", "INTEGER", 0},
    {"int", "INTEGER", 0},
    {"int4", "INTEGER", 0},
    {"int32", "INTEGER", 0},
    {"signed", "INTEGER", 0},
    {"integral", "INTEGER", 0},
    {"bigint", "BIGINT", 0},
    {"int8", "BIGINT", 0},
    {"int64", "BIGINT", 0},
    {"long", "BIGINT", 0},
    {"oid", "BIGINT", 0},
    {"smallint", "SMALLINT", 0},
    {"int2", "SMALLINT", 0},
    {"int16", "SMALLINT", 0},
    {"short", "SMALLINT", 0},
    {"tinyint", "\"TINYINT\"", 0},
    {"int1", "\"TINYINT\"", 0},
    {"utinyint", "\"UTINYINT\"", 0},
    {"uint8", "\"UTINYINT\"", 0},
    {"usmallint", "\"USMALLINT\"", 0},
    {"uint16", "\"USMALLINT\"", 0},
    {"uinteger", "\"UINTEGER\"", 0},
    {"uint32", "\"UINTEGER\"", 0},
    {"ubigint", "\"UBIGINT\"", 0},
    {"uint64", "\"UBIGINT\"", 0},
    {"hugeint", "\"HUGEINT\"", 0},
    {"int128", "\"HUGEINT\"", 0},
    {"uhugeint", "\"UHUGEINT\"", 0},
    {"uint128", "\"UHUGEINT\"", 0},
    {"float", "FLOAT", 0},
    {"real", "FLOAT", 0},
    {"float4", "FLOAT", 0},
    {"double", "\"DOUBLE\"", 0},
    {"double precision", "\"DOUBLE\"", 0},
    {"float8", "\"DOUBLE\"", 0},
    {"boolean", "BOOLEAN", 0},
    {"bool", "BOOLEAN", 0},
    {"logical", "BOOLEAN", 0},
    {"varchar", "VARCHAR", 1},
    {"text", "VARCHAR", 1},
    {"string", "VARCHAR", 1},
    {"character varying", "VARCHAR", 1},
    {"bpchar", "VARCHAR", 0},
    {"nvarchar", "VARCHAR", 0},
    {"decimal", "DECIMAL", 2},
    {"dec", "DECIMAL", 2},
    {"numeric", "DECIMAL", 2},
    {"date", "\"DATE\"", 0},
    {"time", "TIME", 0},
    {"timestamp", "TIMESTAMP", 1},
    {"datetime", "TIMESTAMP", 0},
    {"timestamp without time zone", "TIMESTAMP", 0},
    {"timestamp_us", "TIMESTAMP", 0},
    {"timestamp_s", "\"TIMESTAMP_S\"", 0},
    {"timestamp_ms", "\"TIMESTAMP_MS\"", 0},
    {"timestamp_ns", "\"TIMESTAMP_NS\"", 0},
    {"timestamptz", "\"TIMESTAMP WITH TIME ZONE\"", 0},
    {"timestamp with time zone", "\"TIMESTAMP WITH TIME ZONE\"", 0},
    {"timetz", "\"TIME WITH TIME ZONE\"", 0},
    {"time with time zone", "\"TIME WITH TIME ZONE\"", 0},
    {"interval", "INTERVAL", 0},
    {"blob", "\"BLOB\"", 0},
    {"bytea", "\"BLOB\"", 0},
    {"binary", "\"BLOB\"", 0},
    {"varbinary", "\"BLOB\"", 0},
    {"uuid", "\"UUID\"", 0},
    {"guid", "\"UUID\"", 0}};

bool pyr_tree_is_type(const char *name) {
    for (size_t i = 0; i < sizeof(printed_types) / sizeof(printed_types[0]); ++i) {
        if (strcmp(name, printed_types[i].name) == 0) {
            return true;
        }
    }
    return false;
}

enum { TYPE_WORDS_BYTES = 40 };

/* The words of a type, in lower case with one space between; false where there is more. */
static bool type_words(pyr_lexer *lexer, pyr_token *token, char out[TYPE_WORDS_BYTES]) {
    size_t length = 0;
    for (*token = pyr_lexer_next(lexer); token->kind == PYR_TOKEN_WORD;
         *token = pyr_lexer_next(lexer)) {
        if (length + token->length + 2 > TYPE_WORDS_BYTES) {
            return false;
        }
        if (length > 0) {
            out[length++] = ' ';
        }
        for (size_t i = 0; i < token->length; ++i) {
            char c = token->text[i];
            out[length++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        }
    }
    out[length] = '\0';
    return length > 0;
}

static bool print_type(const char *type_text, pyr_text *text) {
    pyr_lexer lexer = pyr_lexer_over(type_text, strlen(type_text));
    pyr_token token;
    char words[TYPE_WORDS_BYTES];
    const printed_type *type = NULL;
    if (!type_words(&lexer, &token, words)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(printed_types) / sizeof(printed_types[0]); ++i) {
        if (strcmp(words, printed_types[i].name) == 0) {
            type = &printed_types[i];
        }
    }
    if (type == NULL) {
        return false;
    }
    pyr_text_add(text, type->printed);
    if (token.kind == PYR_TOKEN_END) {
        return true;
    }
    if (!pyr_token_is_char(&token, '(')) {
        return false;
    }
    int numbers = 0;
    do {
        token = pyr_lexer_next(&lexer);
        bool zero = token.length > 1 && token.text[0] == '0';
        if (token.kind != PYR_TOKEN_INTEGER || zero || ++numbers > type->numbers) {
            return false;
        }
        pyr_text_add(text, numbers > 1 ? ", " : "(");
        pyr_text_append(text, token.text, token.length);
        token = pyr_lexer_next(&lexer);
    } while (pyr_token_is_char(&token, ','));
    pyr_text_add_char(text, ')');
    token = pyr_lexer_next(&lexer);
    return token.kind == PYR_TOKEN_END;
}

static bool print_cast(const pyr_expr *node, pyr_arena *arena, pyr_text *text) {
    pyr_text_add(text, node->as.cast.try_cast ? "TRY_CAST(" : "CAST(");
    bool sure = print(node->as.cast.value, arena, text);
    pyr_text_add(text, " AS ");
    sure = sure && print_type(node->as.cast.type_text, text);
    pyr_text_add_char(text, ')');
    return sure;
}

static bool print(const pyr_expr *expression, pyr_arena *arena, pyr_text *text) {
    switch (expression->kind) {
    case PYR_EXPR_LITERAL:
        return print_literal(expression, arena, text);
    case PYR_EXPR_INTERVAL:
        pyr_text_add(text, expression->as.interval.text);
        return true;
    case PYR_EXPR_PARAMETER:
        pyr_text_printf(text, "$%d", (int)expression->as.parameter);
        return true;
    case PYR_EXPR_COLUMN:
        return print_column(expression, text);
    case PYR_EXPR_CALL:
        return print_call(expression, false, arena, text);
    case PYR_EXPR_AND:
        return print_joined(&expression->as.list, " AND ", arena, text);
    case PYR_EXPR_OR:
        return print_joined(&expression->as.list, " OR ", arena, text);
    case PYR_EXPR_NOT:
        return print_not(expression, arena, text);
    case PYR_EXPR_CASE:
        return print_case(expression, arena, text);
    case PYR_EXPR_CAST:
        return print_cast(expression, arena, text);
    case PYR_EXPR_BETWEEN:
        return print_between(expression, arena, text);
    case PYR_EXPR_IN_LIST:
        return print_in(expression, arena, text);
    case PYR_EXPR_STAR:
    case PYR_EXPR_IN_QUERY:
    case PYR_EXPR_EXISTS:
    case PYR_EXPR_SUBQUERY:
        break;
    }
    return false;
}

pyr_status pyr_tree_result_name(pyr_tree_parser *tree, const pyr_expr *expression,
                                const char **out) {
    pyr_text text;
    pyr_text_init(&text);
    bool sure = print(expression, tree->parser.arena, &text);
    *out = NULL;
    if (sure && !text.failed) {
        *out = pyr_arena_strndup(tree->parser.arena, pyr_text_get(&text), text.length);
    }
    bool memory = text.failed || (sure && *out == NULL);
    pyr_text_deinit(&text);
    return memory ? PYR_ERROR_MEMORY : PYR_OK;
}
