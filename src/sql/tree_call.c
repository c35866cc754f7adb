/* tree_call.c - functions, and what is written like one: EXTRACT, SUBSTRING, TRIM, POSITION. */
#include "sql/keywords.h"
#include "sql/tree_internal.h"

#include <string.h>

/* ---- name(arguments). ---- */

/* DuckDB's grammar gives these another meaning than a function of the name. */
static bool is_special(const char *name) {
    static const char *const names[] = {"columns",  "unpack",         "try", "struct_pack", "row",
                                        "operator", "construct_array"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The name in lower case. Words that are operators are no functions but for LEFT and RIGHT. */
static pyr_status parse_function_name(pyr_tree_parser *tree, const char **out) {
    pyr_parser *parser = &tree->parser;
    const pyr_token *token = &parser->token;
    pyr_keyword_class class = token->kind == PYR_TOKEN_WORD
                                  ? pyr_keyword_classify(token->text, token->length)
                                  : PYR_KEYWORD_NONE;
    bool side = pyr_parser_at(parser, "LEFT") || pyr_parser_at(parser, "RIGHT");
    bool column = pyr_parser_at(parser, "COALESCE") || pyr_parser_at(parser, "NULLIF") ||
                  pyr_parser_at(parser, "GROUPING") || pyr_parser_at(parser, "GROUPING_ID");
    if (class != PYR_KEYWORD_NONE && !side && !column) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    pyr_token word = *token;
    PYR_TRY(pyr_grammar_name(&tree->grammar, out));
    char *lower = pyr_arena_strdup(parser->arena, *out);
    if (lower == NULL) {
        return PYR_ERROR_MEMORY;
    }
    for (char *c = lower; *c != '\0'; ++c) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    *out = lower;
    bool quoted_keyword = word.kind == PYR_TOKEN_QUOTED_NAME && strcmp(lower, "coalesce") == 0;
    /* date(a) is CAST(a AS DATE). */
    return is_special(lower) || quoted_keyword || pyr_tree_is_type(lower)
               ? pyr_grammar_stop(&tree->grammar,
                                  pyr_arena_printf(parser->arena, "function %s", lower))
               : PYR_OK;
}

/* [DISTINCT | ALL] a, b [ORDER BY c] [IGNORE NULLS], up to the bracket. *nulls: the last stood
 * there, or RESPECT NULLS. */
static pyr_status parse_arguments(pyr_tree_parser *tree, pyr_expr *node, bool *nulls) {
    pyr_parser *parser = &tree->parser;
    bool all = pyr_parser_accept(parser, "ALL");
    node->as.call.distinct = !all && pyr_parser_accept(parser, "DISTINCT");
    do {
        pyr_expr *argument = NULL;
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &argument));
        PYR_TRY(pyr_tree_append(tree, node, &node->as.call.arguments, argument));
    } while (pyr_parser_accept_char(parser, ','));
    if (pyr_parser_accept(parser, "ORDER")) {
        PYR_TRY(pyr_tree_order(tree, &node->height, &node->as.call.order));
        if (node->as.call.order.all) {
            return pyr_tree_stop(tree, "ORDER BY ALL inside of a function");
        }
    }
    node->as.call.ignore_nulls = pyr_parser_accept(parser, "IGNORE");
    *nulls = node->as.call.ignore_nulls || pyr_parser_accept(parser, "RESPECT");
    if (*nulls) {
        PYR_TRY(pyr_tree_expect(tree, "NULLS"));
    }
    return PYR_OK;
}

/* FILTER (WHERE a), where WHERE may be left out. */
static pyr_status parse_filter(pyr_tree_parser *tree, pyr_expr *node) {
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    (void)pyr_parser_accept(&tree->parser, "WHERE");
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &node->as.call.filter));
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    return pyr_tree_raise(tree, &node->height, node->as.call.filter->height);
}

/* COUNT(*) is COUNT(). */
static bool accept_star(pyr_tree_parser *tree, const char *name) {
    pyr_token next = pyr_parser_peek(&tree->parser);
    bool count = strcmp(name, "count") == 0;
    if (count && pyr_parser_at_operator(&tree->parser, "*") && pyr_token_is_char(&next, ')')) {
        pyr_parser_next(&tree->parser);
    }
    return count && pyr_parser_at_char(&tree->parser, ')');
}

/* COALESCE, NULLIF, GROUPING and IF are no functions for DuckDB's grammar: a number of arguments
 * and nothing else. *found false: a function. */
static pyr_status parse_fixed(pyr_tree_parser *tree, pyr_expr *node, bool *found) {
    static const struct {
        const char *name;
        size_t least, most;
    } fixed[] = {
        {"coalesce", 1, SIZE_MAX}, {"nullif", 2, 2},          {"if", 3, 3},
        {"ifnull", 2, 2},          {"grouping", 1, SIZE_MAX}, {"grouping_id", 1, SIZE_MAX}};
    size_t i = 0;
    while (i < sizeof(fixed) / sizeof(fixed[0]) && strcmp(fixed[i].name, node->as.call.name) != 0) {
        ++i;
    }
    *found = i < sizeof(fixed) / sizeof(fixed[0]);
    if (!*found) {
        return PYR_OK;
    }
    do {
        pyr_expr *argument = NULL;
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &argument));
        PYR_TRY(pyr_tree_append(tree, node, &node->as.call.arguments, argument));
    } while (pyr_parser_accept_char(&tree->parser, ','));
    size_t count = node->as.call.arguments.count;
    if (count < fixed[i].least || count > fixed[i].most) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    return pyr_tree_expect_char(tree, ')');
}

pyr_status pyr_tree_call(pyr_tree_parser *tree, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_expr *node = NULL;
    bool fixed = false;
    bool nulls = false;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_CALL, parser->token.offset, &node));
    PYR_TRY(parse_function_name(tree, &node->as.call.name));
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    PYR_TRY(parse_fixed(tree, node, &fixed));
    if (fixed) {
        pyr_tree_finish(tree, node);
        *out = node;
        return pyr_parser_at(parser, "OVER") || pyr_parser_at(parser, "FILTER")
                   ? pyr_grammar_stop_here(&tree->grammar)
                   : PYR_OK;
    }
    node->as.call.star = accept_star(tree, node->as.call.name);
    if (!pyr_parser_at_char(parser, ')')) {
        PYR_TRY(parse_arguments(tree, node, &nulls));
    }
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    if (pyr_parser_at_char(parser, '.') || pyr_parser_at_char(parser, '[') ||
        pyr_parser_at(parser, "WITHIN") || pyr_parser_at(parser, "EXPORT_STATE")) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_token_is_char(&next, '(') && pyr_parser_accept(parser, "FILTER")) {
        PYR_TRY(parse_filter(tree, node));
    }
    if (pyr_parser_accept(parser, "OVER")) {
        PYR_TRY(pyr_tree_over(tree, node));
    } else if (nulls) {
        return pyr_tree_stop(tree, "IGNORE NULLS without OVER");
    }
    pyr_tree_finish(tree, node);
    *out = node;
    return PYR_OK;
}

/* ---- Constructs. ---- */

/* What DuckDB's grammar knows as words here becomes their singular; others are as written. */
static const char *const parts[][2] = {{"year", "years"},
                                       {"month", "months"},
                                       {"day", "days"},
                                       {"hour", "hours"},
                                       {"minute", "minutes"},
                                       {"second", "seconds"},
                                       {"week", "weeks"},
                                       {"quarter", "quarters"},
                                       {"decade", "decades"},
                                       {"century", "centuries"},
                                       {"millennium", "millennia"},
                                       {"millisecond", "milliseconds"},
                                       {"microsecond", "microseconds"}};

static pyr_status parse_part(pyr_tree_parser *tree, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    const char *text = NULL;
    pyr_token token = parser->token;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_LITERAL, token.offset, out));
    if (!pyr_token_is_string(&token) && !pyr_parser_at_name(parser)) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    PYR_TRY(pyr_grammar_name(&tree->grammar, &text));
    for (size_t i = 0; token.kind == PYR_TOKEN_WORD && i < sizeof(parts) / sizeof(parts[0]); ++i) {
        if (pyr_token_names(&token, parts[i][0]) || pyr_token_names(&token, parts[i][1])) {
            text = parts[i][0];
        }
    }
    (*out)->as.literal.kind = PYR_LITERAL_STRING;
    (*out)->as.literal.value.string.text = text;
    (*out)->as.literal.value.string.length = strlen(text);
    pyr_tree_finish(tree, *out);
    return PYR_OK;
}

static pyr_status parse_extract(pyr_tree_parser *tree, size_t offset, pyr_expr **out) {
    pyr_expr *arguments[3] = {NULL, NULL, NULL};
    PYR_TRY(parse_part(tree, &arguments[0]));
    PYR_TRY(pyr_tree_expect(tree, "FROM"));
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[1]));
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    return pyr_tree_operator(tree, offset, "extract", arguments, out);
}

/* POSITION(a IN b): a stands in front of IN, so it holds no IN itself. */
static pyr_status parse_position(pyr_tree_parser *tree, size_t offset, pyr_expr **out) {
    pyr_expr *arguments[3] = {NULL, NULL, NULL};
    PYR_TRY(pyr_tree_bare_expression(tree, &arguments[0]));
    PYR_TRY(pyr_tree_expect(tree, "IN"));
    PYR_TRY(pyr_tree_bare_expression(tree, &arguments[1]));
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    return pyr_tree_operator(tree, offset, "position", arguments, out);
}

static pyr_status make_integer(pyr_tree_parser *tree, int64_t value, pyr_expr **out) {
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_LITERAL, tree->parser.token.offset, out));
    (*out)->as.literal.kind = PYR_LITERAL_INTEGER;
    (*out)->as.literal.value.i64 = value;
    return PYR_OK;
}

/* SUBSTRING(a FOR c): c is made an INTEGER, as DuckDB's grammar does. */
static pyr_status parse_for_alone(pyr_tree_parser *tree, pyr_expr *arguments[3]) {
    pyr_expr *length = NULL;
    PYR_TRY(make_integer(tree, 1, &arguments[1]));
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &length));
    pyr_tree_parser cast = *tree;
    pyr_parser_init(&cast.parser, "INTEGER", strlen("INTEGER"), tree->parser.arena,
                    tree->parser.error);
    cast.grammar.parser = &cast.parser;
    PYR_TRY(pyr_tree_cast(&cast, length->offset, length, false, &arguments[2]));
    arguments[2]->length = length->length;
    return PYR_OK;
}

/* SUBSTRING(a FROM b FOR c), (a FROM b), (a FOR c), (a, b, c), (a, b). */
static pyr_status parse_substring(pyr_tree_parser *tree, size_t offset, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_expr *arguments[3] = {NULL, NULL, NULL};
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[0]));
    if (pyr_parser_accept(parser, "FROM")) {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[1]));
        if (pyr_parser_accept(parser, "FOR")) {
            PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[2]));
        }
    } else if (pyr_parser_accept(parser, "FOR")) {
        PYR_TRY(parse_for_alone(tree, arguments));
    } else {
        for (size_t i = 1; i < 3 && pyr_parser_accept_char(parser, ','); ++i) {
            PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[i]));
        }
    }
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    return pyr_tree_operator(tree, offset, "substring", arguments, out);
}

/* TRIM([BOTH | LEADING | TRAILING] [a] FROM b), TRIM(b), TRIM(b, a). */
static pyr_status parse_trim(pyr_tree_parser *tree, size_t offset, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_expr *arguments[3] = {NULL, NULL, NULL};
    const char *name = "trim";
    if (pyr_parser_accept(parser, "LEADING")) {
        name = "ltrim";
    } else if (pyr_parser_accept(parser, "TRAILING")) {
        name = "rtrim";
    } else {
        (void)pyr_parser_accept(parser, "BOTH");
    }
    if (pyr_parser_accept(parser, "FROM")) {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[0]));
    } else {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[0]));
        if (pyr_parser_accept(parser, "FROM")) {
            arguments[1] = arguments[0];
            PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[0]));
        } else if (pyr_parser_accept_char(parser, ',')) {
            PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arguments[1]));
        }
    }
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    return pyr_tree_operator(tree, offset, name, arguments, out);
}

pyr_status pyr_tree_construct(pyr_tree_parser *tree, bool *found, pyr_expr **out) {
    static const struct {
        const char *word;
        pyr_status (*parse)(pyr_tree_parser *tree, size_t offset, pyr_expr **out);
    } constructs[] = {{"EXTRACT", parse_extract},
                      {"POSITION", parse_position},
                      {"SUBSTRING", parse_substring},
                      {"TRIM", parse_trim}};
    pyr_parser *parser = &tree->parser;
    pyr_token next = pyr_parser_peek(parser);
    size_t offset = parser->token.offset;
    *found = false;
    for (size_t i = 0; i < sizeof(constructs) / sizeof(constructs[0]); ++i) {
        if (pyr_token_is_char(&next, '(') && pyr_parser_at(parser, constructs[i].word)) {
            *found = true;
            pyr_parser_next(parser);
            pyr_parser_next(parser);
            return constructs[i].parse(tree, offset, out);
        }
    }
    return PYR_OK;
}

/* ---- INTERVAL. ---- */

typedef struct interval_unit {
    const char *words[2];
    const char *function; /* DuckDB's */
    const char *type;     /* of its argument; NULL: DOUBLE, not truncated */
    int64_t months, days, micros;
} interval_unit;

static const interval_unit units[] = {
    {{"YEAR", "YEARS"}, "to_years", "INTEGER", 12, 0, 0},
    {{"MONTH", "MONTHS"}, "to_months", "INTEGER", 1, 0, 0},
    {{"DAY", "DAYS"}, "to_days", "INTEGER", 0, 1, 0},
    {{"HOUR", "HOURS"}, "to_hours", "BIGINT", 0, 0, 3600000000},
    {{"MINUTE", "MINUTES"}, "to_minutes", "BIGINT", 0, 0, 60000000},
    {{"SECOND", "SECONDS"}, "to_seconds", NULL, 0, 0, 1000000},
    {{"MILLISECOND", "MILLISECONDS"}, "to_milliseconds", NULL, 0, 0, 1000},
    {{"MICROSECOND", "MICROSECONDS"}, "to_microseconds", "BIGINT", 0, 0, 1},
    {{"WEEK", "WEEKS"}, "to_weeks", "INTEGER", 0, 7, 0},
    {{"QUARTER", "QUARTERS"}, "to_quarters", "INTEGER", 3, 0, 0},
    {{"DECADE", "DECADES"}, "to_decades", "INTEGER", 120, 0, 0},
    {{"CENTURY", "CENTURIES"}, "to_centuries", "INTEGER", 1200, 0, 0},
    {{"MILLENNIUM", "MILLENNIA"}, "to_millennia", "INTEGER", 12000, 0, 0}};

static const interval_unit *find_unit(const pyr_token *token) {
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); ++i) {
        if (pyr_token_is_word(token, units[i].words[0]) ||
            pyr_token_is_word(token, units[i].words[1])) {
            return &units[i];
        }
    }
    return NULL;
}

/* Whole numbers of at most six digits, so that nothing overflows; *text moves behind. */
static bool read_number(const char **text, int64_t *out) {
    bool negative = **text == '-';
    *text += negative;
    int digits = 0;
    for (*out = 0; **text >= '0' && **text <= '9' && digits < 7; ++digits) {
        *out = *out * 10 + (*(*text)++ - '0');
    }
    *out = negative ? -*out : *out;
    return digits > 0 && digits < 7;
}

/* sums: months, days, microseconds. */
static void add_unit(const interval_unit *unit, int64_t count, int64_t sums[3]) {
    sums[0] += unit->months * count;
    sums[1] += unit->days * count;
    sums[2] += unit->micros * count;
}

/* "1 day", "2 months 3 days": what is simple of the texts that DuckDB takes. */
static bool read_interval(const char *text, int64_t sums[3]) {
    for (int parts_read = 0; parts_read < 8; ++parts_read) {
        int64_t count = 0;
        text += strspn(text, " ");
        if (*text == '\0') {
            return parts_read > 0;
        }
        if (!read_number(&text, &count) || *text != ' ') {
            return false;
        }
        text += strspn(text, " ");
        size_t length = 0;
        while ((text[length] >= 'a' && text[length] <= 'z') ||
               (text[length] >= 'A' && text[length] <= 'Z')) {
            ++length;
        }
        pyr_token word = {.kind = PYR_TOKEN_WORD, .text = text, .length = length};
        const interval_unit *unit = find_unit(&word);
        text += length;
        if (unit == NULL || (*text != ' ' && *text != '\0')) {
            return false;
        }
        add_unit(unit, count, sums);
    }
    return false;
}

/* The text that DuckDB makes of the construct; value as its literal's name. */
static char *interval_text(pyr_arena *arena, const interval_unit *unit, const char *value) {
    if (unit == NULL) {
        return pyr_arena_printf(arena, "CAST(%s AS INTERVAL)", value);
    }
    if (unit->type == NULL) {
        return pyr_arena_printf(arena, "%s(CAST(%s AS DOUBLE))", unit->function, value);
    }
    return pyr_arena_printf(arena, "%s(CAST(trunc(CAST(%s AS DOUBLE)) AS %s))", unit->function,
                            value, unit->type);
}

/* The number or string at the token, and how DuckDB prints it. */
static pyr_status interval_value(pyr_tree_parser *tree, const char **text, const char **printed) {
    pyr_parser *parser = &tree->parser;
    pyr_token token = parser->token;
    if (pyr_token_is_string(&token)) {
        PYR_TRY(pyr_grammar_name(&tree->grammar, text));
        *printed = pyr_arena_printf(parser->arena, "'%s'", *text);
    } else if (token.kind == PYR_TOKEN_INTEGER) {
        pyr_parser_next(parser);
        *text = pyr_arena_strndup(parser->arena, token.text, token.length);
        size_t zeros = 0;
        while (zeros + 1 < token.length && token.text[zeros] == '0') {
            ++zeros;
        }
        *printed = *text != NULL ? *text + zeros : NULL;
    } else {
        return pyr_tree_stop(tree, "INTERVAL of an expression");
    }
    return *text != NULL && *printed != NULL ? PYR_OK : PYR_ERROR_MEMORY;
}

pyr_status pyr_tree_interval(pyr_tree_parser *tree, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_expr *node = NULL;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_INTERVAL, parser->token.offset, &node));
    pyr_parser_next(parser);
    bool string = pyr_token_is_string(&parser->token);
    const char *text = NULL;
    const char *printed = NULL;
    PYR_TRY(interval_value(tree, &text, &printed));
    const interval_unit *unit = find_unit(&parser->token);
    const char *rest = text;
    int64_t sums[3] = {0, 0, 0};
    int64_t count = 0;
    bool known = false;
    if (unit != NULL) {
        pyr_parser_next(parser);
        known = read_number(&rest, &count) && *rest == '\0';
        add_unit(unit, count, sums);
    } else {
        known = string && read_interval(text, sums);
    }
    if (!known || sums[0] > INT32_MAX || sums[0] < INT32_MIN || pyr_parser_at(parser, "TO") ||
        pyr_parser_at_char(parser, '(')) {
        return pyr_tree_stop(tree, "this kind of INTERVAL");
    }
    node->as.interval.months = (int32_t)sums[0];
    node->as.interval.days = (int32_t)sums[1];
    node->as.interval.micros = sums[2];
    node->as.interval.text = interval_text(parser->arena, unit, printed);
    if (node->as.interval.text == NULL) {
        return PYR_ERROR_MEMORY;
    }
    pyr_tree_finish(tree, node);
    *out = node;
    return PYR_OK;
}
