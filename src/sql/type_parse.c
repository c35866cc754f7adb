/* type_parse.c - SQL type names to the Arrow fields DuckDB exports for them.
 *
 * The table of README.md, from names to Arrow. Names of children ("l" of a list, "entries", "key",
 * "value" of a map) and the order of the extension keys are DuckDB's, so that its results and our
 * tables have equal schemas.
 */
#include "arrow/cast.h"
#include "base/text.h"
#include "sql/sql_internal.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

enum { ENUM_VALUES_MAX = 2000 }; /* each is compared with all others */

typedef struct type_name {
    const char *name; /* lower case */
    pyr_type_id type;
    pyr_time_unit unit;
    const char *timezone;
    int32_t byte_width;
    const char *extension; /* ARROW:extension:name */
    const char *metadata;  /* ARROW:extension:metadata */
} type_name;

#define PLAIN(name, type) \
    { name, type, PYR_UNIT_SECOND, NULL, 0, NULL, NULL }
#define TIME(name, type, unit) \
    { name, type, unit, NULL, 0, NULL, NULL }
#define OPAQUE(name, type, width, duckdb_name)                               \
    {                                                                        \
        name, type, PYR_UNIT_SECOND, NULL, width, "arrow.opaque",            \
            "{\"type_name\":\"" duckdb_name "\",\"vendor_name\":\"DuckDB\"}" \
    }

static const type_name type_names[] = {
    PLAIN("boolean", PYR_TYPE_BOOL),
    PLAIN("bool", PYR_TYPE_BOOL),
    PLAIN("logical", PYR_TYPE_BOOL),
    PLAIN("tinyint", PYR_TYPE_INT8),
    PLAIN("int1", PYR_TYPE_INT8),
    PLAIN("smallint", PYR_TYPE_INT16),
    PLAIN("int2", PYR_TYPE_INT16),
    PLAIN("int16", PYR_TYPE_INT16),
    PLAIN("short", PYR_TYPE_INT16),
    PLAIN("integer", PYR_TYPE_INT32),
    PLAIN("int", PYR_TYPE_INT32),
    PLAIN("int4", PYR_TYPE_INT32),
    PLAIN("int32", PYR_TYPE_INT32),
    PLAIN("integral", PYR_TYPE_INT32),
    PLAIN("signed", PYR_TYPE_INT32),
    PLAIN("bigint", PYR_TYPE_INT64),
    PLAIN("int8", PYR_TYPE_INT64),
    PLAIN("int64", PYR_TYPE_INT64),
    PLAIN("long", PYR_TYPE_INT64),
    PLAIN("oid", PYR_TYPE_INT64),
    PLAIN("hugeint", PYR_TYPE_DECIMAL128), /* with a mark: see create_hugeint */
    PLAIN("int128", PYR_TYPE_DECIMAL128),
    PLAIN("utinyint", PYR_TYPE_UINT8),
    PLAIN("uint8", PYR_TYPE_UINT8),
    PLAIN("usmallint", PYR_TYPE_UINT16),
    PLAIN("uint16", PYR_TYPE_UINT16),
    PLAIN("uinteger", PYR_TYPE_UINT32),
    PLAIN("uint32", PYR_TYPE_UINT32),
    PLAIN("ubigint", PYR_TYPE_UINT64),
    PLAIN("uint64", PYR_TYPE_UINT64),
    OPAQUE("uhugeint", PYR_TYPE_FIXED_SIZE_BINARY, 16, "uhugeint"),
    OPAQUE("uint128", PYR_TYPE_FIXED_SIZE_BINARY, 16, "uhugeint"),
    PLAIN("float", PYR_TYPE_FLOAT32),
    PLAIN("float4", PYR_TYPE_FLOAT32),
    PLAIN("real", PYR_TYPE_FLOAT32),
    PLAIN("double", PYR_TYPE_FLOAT64),
    PLAIN("float8", PYR_TYPE_FLOAT64),
    PLAIN("varchar", PYR_TYPE_UTF8),
    PLAIN("nvarchar", PYR_TYPE_UTF8),
    PLAIN("char", PYR_TYPE_UTF8),
    PLAIN("character", PYR_TYPE_UTF8),
    PLAIN("bpchar", PYR_TYPE_UTF8),
    PLAIN("string", PYR_TYPE_UTF8),
    PLAIN("text", PYR_TYPE_UTF8),
    {"json", PYR_TYPE_UTF8, PYR_UNIT_SECOND, NULL, 0, "arrow.json", ""},
    PLAIN("blob", PYR_TYPE_BINARY),
    PLAIN("bytea", PYR_TYPE_BINARY),
    PLAIN("binary", PYR_TYPE_BINARY),
    PLAIN("varbinary", PYR_TYPE_BINARY),
    OPAQUE("bit", PYR_TYPE_BINARY, 0, "bit"),
    OPAQUE("bitstring", PYR_TYPE_BINARY, 0, "bit"),
    OPAQUE("bignum", PYR_TYPE_BINARY, 0, "bignum"),
    OPAQUE("varint", PYR_TYPE_BINARY, 0, "bignum"),
    {"geometry", PYR_TYPE_BINARY, PYR_UNIT_SECOND, NULL, 0, "geoarrow.wkb", "{}"},
    {"uuid", PYR_TYPE_FIXED_SIZE_BINARY, PYR_UNIT_SECOND, NULL, 16, "arrow.uuid", ""},
    {"guid", PYR_TYPE_FIXED_SIZE_BINARY, PYR_UNIT_SECOND, NULL, 16, "arrow.uuid", ""},
    PLAIN("date", PYR_TYPE_DATE32),
    TIME("time", PYR_TYPE_TIME64, PYR_UNIT_MICROSECOND),
    TIME("time_ns", PYR_TYPE_TIME64, PYR_UNIT_NANOSECOND),
    OPAQUE("timetz", PYR_TYPE_FIXED_SIZE_BINARY, 8, "time_tz"),
    TIME("timestamp", PYR_TYPE_TIMESTAMP, PYR_UNIT_MICROSECOND),
    TIME("datetime", PYR_TYPE_TIMESTAMP, PYR_UNIT_MICROSECOND),
    TIME("timestamp_us", PYR_TYPE_TIMESTAMP, PYR_UNIT_MICROSECOND),
    TIME("timestamp_s", PYR_TYPE_TIMESTAMP, PYR_UNIT_SECOND),
    TIME("timestamp_ms", PYR_TYPE_TIMESTAMP, PYR_UNIT_MILLISECOND),
    TIME("timestamp_ns", PYR_TYPE_TIMESTAMP, PYR_UNIT_NANOSECOND),
    {"timestamptz", PYR_TYPE_TIMESTAMP, PYR_UNIT_MICROSECOND, "UTC", 0, NULL, NULL},
    PLAIN("interval", PYR_TYPE_INTERVAL_MONTH_DAY_NANO)};

static const type_name *find_type(const char *name) {
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); ++i) {
        if (strcmp(type_names[i].name, name) == 0) {
            return &type_names[i];
        }
    }
    return NULL;
}

/* Gives *field these pairs of metadata; on failure it is released. */
static pyr_status add_metadata(pyr_field **field, const char *const (*pairs)[2], size_t count,
                               pyr_error *error) {
    pyr_metadata *metadata = NULL;
    pyr_field *plain = *field;
    *field = NULL;
    pyr_status status = pyr_metadata_create(&metadata, error);
    for (size_t i = 0; i < count && status == PYR_OK; ++i) {
        status = pyr_metadata_add(metadata, pairs[i][0], strlen(pairs[i][0]), pairs[i][1],
                                  strlen(pairs[i][1]), error);
    }
    if (status == PYR_OK) {
        status = pyr_field_with(plain, NULL, true, metadata, field, error);
    }
    pyr_metadata_release(metadata);
    pyr_field_release(plain);
    return status;
}

/* DuckDB exports a HUGEINT as decimal128(38, 0), which keeps its 128 bits. The mark keeps its name.
 */
static pyr_status create_hugeint(const char *name, pyr_field **out, pyr_error *error) {
    static const char *const mark[][2] = {{PYR_SQL_TYPE_KEY, "HUGEINT"}};
    PYR_TRY(pyr_field_create_decimal(name, PYR_TYPE_DECIMAL128, 38, 0, out, error));
    return add_metadata(out, mark, 1, error);
}

static pyr_status create_simple(pyr_parser *parser, const char *name, const type_name *type,
                                pyr_field **out) {
    pyr_error *error = parser->error;
    switch (type->type) {
    case PYR_TYPE_DECIMAL128:
        return create_hugeint(name, out, error);
    case PYR_TYPE_TIME64:
    case PYR_TYPE_TIMESTAMP:
        PYR_TRY(pyr_field_create_time(name, type->type, type->unit, type->timezone, out, error));
        break;
    case PYR_TYPE_FIXED_SIZE_BINARY:
        PYR_TRY(pyr_field_create_fixed_size_binary(name, type->byte_width, out, error));
        break;
    default:
        PYR_TRY(pyr_field_create(name, type->type, out, error));
        break;
    }
    if (type->extension == NULL) {
        return PYR_OK;
    }
    const char *const pairs[][2] = {{"ARROW:extension:metadata", type->metadata},
                                    {"ARROW:extension:name", type->extension}};
    return add_metadata(out, pairs, 2, error);
}

static pyr_status type_error(const pyr_parser *parser, size_t offset, const char *message) {
    return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "22023", (int32_t)offset, "%s", message);
}

/* A number in brackets; -1 where it is too large. */
static pyr_status parse_number(pyr_parser *parser, int32_t *out) {
    if (parser->token.kind != PYR_TOKEN_INTEGER) {
        return pyr_parser_syntax(parser, "a number");
    }
    int32_t value = 0;
    for (size_t i = 0; i < parser->token.length && value >= 0; ++i) {
        char c = parser->token.text[i];
        if (c != '_') {
            value = value > 10000000 ? -1 : value * 10 + (c - '0');
        }
    }
    *out = value;
    pyr_parser_next(parser);
    return PYR_OK;
}

/* (n), or nothing: *out stays then. */
static pyr_status parse_modifier(pyr_parser *parser, int32_t *out) {
    if (!pyr_parser_accept_char(parser, '(')) {
        return PYR_OK;
    }
    PYR_TRY(parse_number(parser, out));
    return pyr_parser_expect_char(parser, ')');
}

static pyr_status parse_decimal(pyr_parser *parser, const char *name, size_t offset,
                                pyr_field **out) {
    int32_t precision = 18;
    int32_t scale = 3;
    if (pyr_parser_accept_char(parser, '(')) {
        PYR_TRY(parse_number(parser, &precision));
        scale = 0;
        if (pyr_parser_accept_char(parser, ',')) {
            PYR_TRY(parse_number(parser, &scale));
        }
        PYR_TRY(pyr_parser_expect_char(parser, ')'));
    }
    if (precision < 1 || precision > 38) {
        return type_error(parser, offset, "DECIMAL: the width must be between 1 and 38");
    }
    if (scale < 0 || scale > precision) {
        return type_error(parser, offset, "DECIMAL: the scale must be between 0 and the width");
    }
    return pyr_field_create_decimal(name, PYR_TYPE_DECIMAL128, precision, scale, out,
                                    parser->error);
}

/* TIMESTAMP and TIME with what may follow them. */
static pyr_status parse_time(pyr_parser *parser, const char *name, const char *word, size_t offset,
                             pyr_field **out) {
    bool timestamp = strcmp(word, "timestamp") == 0;
    int32_t digits = 6;
    bool given = timestamp && pyr_parser_at_char(parser, '(');
    if (given) {
        PYR_TRY(parse_modifier(parser, &digits));
    }
    if (digits < 0 || digits > 9) {
        return type_error(parser, offset, "TIMESTAMP: there are 0 to 9 digits of a second");
    }
    pyr_token next = pyr_parser_peek(parser);
    bool with = pyr_parser_at(parser, "WITH") && pyr_token_is_word(&next, "TIME");
    if (with || (pyr_parser_at(parser, "WITHOUT") && pyr_token_is_word(&next, "TIME"))) {
        pyr_parser_next(parser);
        pyr_parser_next(parser);
        PYR_TRY(pyr_parser_expect(parser, "ZONE"));
    }
    if (with && given) {
        return type_error(parser, offset, "TIMESTAMP WITH TIME ZONE takes no digits");
    }
    static const char *const by_unit[] = {"timestamp_s", "timestamp_ms", "timestamp",
                                          "timestamp_ns"};
    const char *found = timestamp ? by_unit[(digits + 2) / 3] : "time";
    if (with) {
        found = timestamp ? "timestamptz" : "timetz";
    }
    return create_simple(parser, name, find_type(found), out);
}

/* (name type, ...) of STRUCT, ROW and UNION. */
static pyr_status parse_members(pyr_parser *parser, int depth, bool is_union, const char *name,
                                pyr_field **out) {
    pyr_field **children = NULL;
    size_t count = 0;
    pyr_status status = pyr_parser_expect_char(parser, '(');
    while (status == PYR_OK) {
        size_t offset = parser->token.offset;
        char *member = NULL;
        status = pyr_parser_name(parser, &member);
        for (size_t i = 0; i < count && status == PYR_OK; ++i) {
            if (strcasecmp(children[i]->name, member) == 0) {
                status = pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42701", (int32_t)offset,
                                           "the member \"%s\" stands twice", member);
            }
        }
        if (status == PYR_OK && count >= (is_union ? 127 : 1000)) {
            status = pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54000", (int32_t)offset,
                                       "too many members");
        }
        if (status == PYR_OK) {
            pyr_field **grown = pyr_parser_grow(parser, children, count, sizeof(pyr_field *));
            if (grown == NULL) {
                status = pyr_parser_memory(parser);
                break;
            }
            children = grown;
        }
        if (status == PYR_OK) {
            status = pyr_parse_type(parser, member, depth + 1, &children[count]);
            count += status == PYR_OK;
        }
        if (status == PYR_OK && !pyr_parser_accept_char(parser, ',')) {
            status = pyr_parser_expect_char(parser, ')');
            break;
        }
    }
    if (status == PYR_OK && is_union) {
        int8_t codes[127];
        for (size_t i = 0; i < count; ++i) {
            codes[i] = (int8_t)i;
        }
        status = pyr_field_create_union(name, PYR_TYPE_SPARSE_UNION, codes, children,
                                        (int32_t)count, out, parser->error);
    } else if (status == PYR_OK) {
        status = pyr_field_create_nested(name, PYR_TYPE_STRUCT, 0, children, (int32_t)count, out,
                                         parser->error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(children[i]);
    }
    return status;
}

/* The numbers stand in as few bytes as DuckDB gives them. */
static pyr_type_id enum_index(size_t count) {
    return count <= UINT8_MAX    ? PYR_TYPE_UINT8
           : count <= UINT16_MAX ? PYR_TYPE_UINT16
                                 : PYR_TYPE_UINT32;
}

static pyr_status create_enum(pyr_parser *parser, const char *name, size_t count,
                              const pyr_text *values, pyr_field **out) {
    pyr_field *text = NULL;
    pyr_field *plain = NULL;
    pyr_metadata *metadata = NULL;
    PYR_TRY(pyr_text_check(values, parser->error));
    pyr_status status = pyr_field_create("", PYR_TYPE_UTF8, &text, parser->error);
    if (status == PYR_OK) {
        status = pyr_field_create_dictionary(name, enum_index(count), false, text, &plain,
                                             parser->error);
    }
    if (status == PYR_OK) {
        status = pyr_metadata_create(&metadata, parser->error);
    }
    if (status == PYR_OK) {
        status = pyr_metadata_add(metadata, PYR_ENUM_KEY, strlen(PYR_ENUM_KEY), values->data,
                                  values->length, parser->error);
    }
    if (status == PYR_OK) {
        status = pyr_field_with(plain, NULL, true, metadata, out, parser->error);
    }
    pyr_metadata_release(metadata);
    pyr_field_release(plain);
    pyr_field_release(text);
    return status;
}

static pyr_status parse_enum_values(pyr_parser *parser, pyr_text *values, size_t *count) {
    char **seen = NULL;
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    do {
        size_t offset = parser->token.offset;
        seen = pyr_parser_grow(parser, seen, *count, sizeof(*seen));
        if (seen == NULL) {
            return pyr_parser_memory(parser);
        }
        PYR_TRY(pyr_parser_string(parser, &seen[*count]));
        for (size_t i = 0; i < *count; ++i) {
            if (strcmp(seen[i], seen[*count]) == 0) {
                return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42710", (int32_t)offset,
                                         "ENUM: the value \"%s\" stands twice", seen[i]);
            }
        }
        if (*count == ENUM_VALUES_MAX) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54000", (int32_t)offset,
                                     "more than %d values of an ENUM without a type of its own",
                                     ENUM_VALUES_MAX);
        }
        pyr_text_add(values, *count > 0 ? ", " : "");
        pyr_sql_quote_string(seen[(*count)++], values);
    } while (pyr_parser_accept_char(parser, ','));
    PYR_TRY(pyr_parser_expect_char(parser, ')'));
    return pyr_parser_at_char(parser, '[')
               ? pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                   (int32_t)parser->token.offset,
                                   "a list of an ENUM is not supported by this version")
               : PYR_OK;
}

static pyr_status parse_enum(pyr_parser *parser, const char *name, pyr_field **out) {
    size_t count = 0;
    pyr_text values;
    pyr_text_init(&values);
    pyr_status status = parse_enum_values(parser, &values, &count);
    if (status == PYR_OK) {
        status = create_enum(parser, name, count, &values, out);
    }
    pyr_text_deinit(&values);
    return status;
}

static pyr_status parse_map(pyr_parser *parser, int depth, const char *name, pyr_field **out) {
    pyr_field *members[2] = {NULL, NULL};
    pyr_field *key = NULL;
    pyr_field *entries = NULL;
    pyr_field *entries_required = NULL;
    pyr_error *error = parser->error;
    pyr_status status = pyr_parser_expect_char(parser, '(');
    if (status == PYR_OK) {
        status = pyr_parse_type(parser, "key", depth + 2, &key);
    }
    if (status == PYR_OK) {
        status = pyr_field_with(key, NULL, false, key->metadata, &members[0], error);
    }
    if (status == PYR_OK) {
        status = pyr_parser_expect_char(parser, ',');
    }
    if (status == PYR_OK) {
        status = pyr_parse_type(parser, "value", depth + 2, &members[1]);
    }
    if (status == PYR_OK) {
        status = pyr_parser_expect_char(parser, ')');
    }
    if (status == PYR_OK) {
        status =
            pyr_field_create_nested("entries", PYR_TYPE_STRUCT, 0, members, 2, &entries, error);
    }
    if (status == PYR_OK) {
        status = pyr_field_with(entries, NULL, false, NULL, &entries_required, error);
    }
    if (status == PYR_OK) {
        status = pyr_field_create_nested(name, PYR_TYPE_MAP, 0, &entries_required, 1, out, error);
    }
    pyr_field_release(entries_required);
    pyr_field_release(entries);
    pyr_field_release(key);
    pyr_field_release(members[0]);
    pyr_field_release(members[1]);
    return status;
}

/* What follows some simple names: VARCHAR(10), CHARACTER VARYING, DOUBLE PRECISION, FLOAT(30),
 * INTERVAL YEAR TO MONTH. What it says of lengths is dropped, as DuckDB does. */
static pyr_status parse_suffix(pyr_parser *parser, const char **word) {
    int32_t number = 0;
    if (strcmp(*word, "double") == 0) {
        pyr_parser_accept(parser, "PRECISION");
    } else if (strcmp(*word, "float") == 0) {
        PYR_TRY(parse_modifier(parser, &number));
        *word = number < 0 || number > 24 ? "double" : "float";
    } else if (strcmp(*word, "interval") == 0) {
        static const char *const fields[] = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"};
        for (size_t i = 0; i < 6; ++i) {
            if (pyr_parser_accept(parser, fields[i])) {
                if (pyr_parser_accept(parser, "TO")) {
                    pyr_parser_next(parser);
                }
                break;
            }
        }
    } else if (find_type(*word)->type == PYR_TYPE_UTF8 || strcmp(*word, "bit") == 0) {
        if (strcmp(*word, "char") == 0 || strcmp(*word, "character") == 0) {
            pyr_parser_accept(parser, "VARYING");
        }
        PYR_TRY(parse_modifier(parser, &number));
    }
    return PYR_OK;
}

static pyr_status parse_element(pyr_parser *parser, const char *name, int depth, pyr_field **out) {
    pyr_token token = parser->token;
    if (!pyr_token_is_identifier(&token)) {
        return pyr_parser_syntax(parser, "a type");
    }
    size_t length = 0;
    bool valid = false;
    char *text = pyr_token_unquote(&token, parser->arena, &length, &valid);
    if (text == NULL) {
        return pyr_parser_memory(parser);
    }
    for (char *c = text; *c != '\0'; ++c) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    const char *word = text;
    pyr_token next = pyr_parser_peek(parser);
    bool brackets = pyr_token_is_char(&next, '(');
    if (brackets &&
        (strcmp(word, "struct") == 0 || strcmp(word, "row") == 0 || strcmp(word, "union") == 0)) {
        pyr_parser_next(parser);
        return parse_members(parser, depth, strcmp(word, "union") == 0, name, out);
    }
    if (brackets && strcmp(word, "map") == 0) {
        pyr_parser_next(parser);
        return parse_map(parser, depth, name, out);
    }
    if (brackets && strcmp(word, "enum") == 0 && depth == 0) {
        pyr_parser_next(parser);
        return parse_enum(parser, name, out);
    }
    if (strcmp(word, "enum") == 0 || strcmp(word, "variant") == 0) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)token.offset,
                                 "columns of type %s are not supported by this version: use "
                                 "VARCHAR",
                                 strcmp(word, "enum") == 0 ? "ENUM" : "VARIANT");
    }
    if (strcmp(word, "decimal") == 0 || strcmp(word, "dec") == 0 || strcmp(word, "numeric") == 0) {
        pyr_parser_next(parser);
        return parse_decimal(parser, name, token.offset, out);
    }
    if (strcmp(word, "timestamp") == 0 || strcmp(word, "time") == 0) {
        pyr_parser_next(parser);
        return parse_time(parser, name, word, token.offset, out);
    }
    if (!valid || find_type(word) == NULL) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42704", (int32_t)token.offset,
                                 "type \"%.*s\" does not exist",
                                 token.length > 80 ? 80 : (int)token.length, token.text);
    }
    pyr_parser_next(parser);
    PYR_TRY(parse_suffix(parser, &word));
    return create_simple(parser, name, find_type(word), out);
}

/* [] and [n], and the same in words; each wraps what stands before it. */
static pyr_status parse_array(pyr_parser *parser, bool *found, int32_t *size) {
    *size = 0;
    *found = pyr_parser_accept(parser, "ARRAY");
    if (!pyr_parser_accept_char(parser, '[')) {
        return PYR_OK;
    }
    *found = true;
    size_t offset = parser->token.offset;
    if (pyr_parser_accept_char(parser, ']')) {
        return PYR_OK;
    }
    PYR_TRY(parse_number(parser, size));
    if (*size < 1 || *size > 100000) {
        return type_error(parser, offset, "an array's size must be between 1 and 100000");
    }
    return pyr_parser_expect_char(parser, ']');
}

pyr_status pyr_parse_type(pyr_parser *parser, const char *name, int depth, pyr_field **out) {
    *out = NULL;
    size_t offset = parser->token.offset;
    pyr_field *field = NULL;
    if (depth >= PYR_TYPE_DEPTH_MAX - 2) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54000", (int32_t)offset,
                                 "types are nested more than %d deep", PYR_TYPE_DEPTH_MAX - 2);
    }
    /* The element's own name is known when it is known whether a list stands around it. */
    pyr_status status = parse_element(parser, name, depth, &field);
    for (int wraps = 0; status == PYR_OK; ++wraps) {
        assert(field != NULL);
        bool found = false;
        int32_t size = 0;
        status = parse_array(parser, &found, &size);
        if (status != PYR_OK || !found) {
            break;
        }
        if (depth + wraps >= PYR_TYPE_DEPTH_MAX - 2) {
            status =
                pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54000", (int32_t)offset,
                                  "types are nested more than %d deep", PYR_TYPE_DEPTH_MAX - 2);
            break;
        }
        pyr_field *child = NULL;
        pyr_field *list = NULL;
        status = pyr_field_with(field, size > 0 ? "" : "l", true, field->metadata, &child,
                                parser->error);
        if (status == PYR_OK) {
            status =
                pyr_field_create_nested(name, size > 0 ? PYR_TYPE_FIXED_SIZE_LIST : PYR_TYPE_LIST,
                                        size, &child, 1, &list, parser->error);
        }
        pyr_field_release(child);
        pyr_field_release(field);
        field = list;
    }
    if (status == PYR_OK && depth == 0) {
        /* A deep element inside of many brackets. */
        status = pyr_field_validate(field, parser->error);
    }
    if (status != PYR_OK) {
        pyr_field_release(field);
        return status;
    }
    *out = field;
    return PYR_OK;
}

pyr_status pyr_sql_type_parse(const char *text, size_t length, const char *name, pyr_arena *arena,
                              pyr_field **field, char **sql_type, pyr_error *error) {
    *field = NULL;
    if (sql_type != NULL) {
        *sql_type = NULL;
    }
    pyr_parser parser;
    pyr_parser_init(&parser, text, length, arena, error);
    pyr_field *parsed = NULL;
    pyr_text printed;
    pyr_text_init(&printed);
    pyr_status status = pyr_parse_type(&parser, name, 0, &parsed);
    if (status == PYR_OK) {
        status = pyr_parser_expect_end(&parser);
    }
    if (status == PYR_OK && sql_type != NULL) {
        pyr_sql_type_print(parsed, &printed);
        status = pyr_text_check(&printed, error);
    }
    if (status == PYR_OK && sql_type != NULL) {
        *sql_type = pyr_arena_strdup(arena, pyr_text_get(&printed));
        status = *sql_type != NULL ? PYR_OK : pyr_arena_error(arena, error);
    }
    pyr_text_deinit(&printed);
    if (status != PYR_OK) {
        pyr_field_release(parsed);
        return status;
    }
    *field = parsed;
    return PYR_OK;
}
