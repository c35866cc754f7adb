/* cdata_format.c - format strings and metadata of the C Data Interface ("The Arrow C data
 * interface", "Data type description" and "ArrowSchema.metadata"). One table both ways for what has
 * no parameters. */
#include "arrow/cdata_internal.h"

#include "base/text.h"

#include <errno.h>

typedef struct plain_format {
    const char *format;
    pyr_type_id type;
    pyr_time_unit unit;
} plain_format;

static const plain_format PLAIN[] = {
    {"n", PYR_TYPE_NULL, 0},
    {"b", PYR_TYPE_BOOL, 0},
    {"c", PYR_TYPE_INT8, 0},
    {"C", PYR_TYPE_UINT8, 0},
    {"s", PYR_TYPE_INT16, 0},
    {"S", PYR_TYPE_UINT16, 0},
    {"i", PYR_TYPE_INT32, 0},
    {"I", PYR_TYPE_UINT32, 0},
    {"l", PYR_TYPE_INT64, 0},
    {"L", PYR_TYPE_UINT64, 0},
    {"e", PYR_TYPE_FLOAT16, 0},
    {"f", PYR_TYPE_FLOAT32, 0},
    {"g", PYR_TYPE_FLOAT64, 0},
    {"z", PYR_TYPE_BINARY, 0},
    {"Z", PYR_TYPE_LARGE_BINARY, 0},
    {"vz", PYR_TYPE_BINARY_VIEW, 0},
    {"u", PYR_TYPE_UTF8, 0},
    {"U", PYR_TYPE_LARGE_UTF8, 0},
    {"vu", PYR_TYPE_UTF8_VIEW, 0},
    {"tdD", PYR_TYPE_DATE32, 0},
    {"tdm", PYR_TYPE_DATE64, 0},
    {"tts", PYR_TYPE_TIME32, PYR_UNIT_SECOND},
    {"ttm", PYR_TYPE_TIME32, PYR_UNIT_MILLISECOND},
    {"ttu", PYR_TYPE_TIME64, PYR_UNIT_MICROSECOND},
    {"ttn", PYR_TYPE_TIME64, PYR_UNIT_NANOSECOND},
    {"tDs", PYR_TYPE_DURATION, PYR_UNIT_SECOND},
    {"tDm", PYR_TYPE_DURATION, PYR_UNIT_MILLISECOND},
    {"tDu", PYR_TYPE_DURATION, PYR_UNIT_MICROSECOND},
    {"tDn", PYR_TYPE_DURATION, PYR_UNIT_NANOSECOND},
    {"tiM", PYR_TYPE_INTERVAL_YEAR_MONTH, 0},
    {"tiD", PYR_TYPE_INTERVAL_DAY_TIME, 0},
    {"tin", PYR_TYPE_INTERVAL_MONTH_DAY_NANO, 0},
    {"+l", PYR_TYPE_LIST, 0},
    {"+L", PYR_TYPE_LARGE_LIST, 0},
    {"+vl", PYR_TYPE_LIST_VIEW, 0},
    {"+vL", PYR_TYPE_LARGE_LIST_VIEW, 0},
    {"+s", PYR_TYPE_STRUCT, 0},
    {"+m", PYR_TYPE_MAP, 0},
    {"+r", PYR_TYPE_RUN_END_ENCODED, 0},
};

static const char UNIT_LETTERS[] = "smun";

/* ---- Reading. ---- */

/* A decimal number at *text, which moves behind it. */
static bool parse_number(const char **text, int32_t *out) {
    char *end;
    errno = 0;
    long value = strtol(*text, &end, 10);
    if (end == *text || errno != 0 || value > INT32_MAX || value < INT32_MIN) {
        return false;
    }
    *text = end;
    *out = (int32_t)value;
    return true;
}

static bool skip(const char **text, char c) {
    if (**text != c) {
        return false;
    }
    ++*text;
    return true;
}

/* "precision,scale" or "precision,scale,bits". */
static bool parse_decimal(const char *text, pyr_type_facts *facts) {
    int32_t bits = 128;
    if (!parse_number(&text, &facts->precision) || !skip(&text, ',') ||
        !parse_number(&text, &facts->scale) || (skip(&text, ',') && !parse_number(&text, &bits)) ||
        *text != '\0') {
        return false;
    }
    facts->type = bits == 32    ? PYR_TYPE_DECIMAL32
                  : bits == 64  ? PYR_TYPE_DECIMAL64
                  : bits == 128 ? PYR_TYPE_DECIMAL128
                                : PYR_TYPE_DECIMAL256;
    return bits == 32 || bits == 64 || bits == 128 || bits == 256;
}

/* "u:timezone", the time zone possibly empty. */
static bool parse_timestamp(const char *text, pyr_type_facts *facts) {
    const char *unit = *text != '\0' ? strchr(UNIT_LETTERS, *text) : NULL;
    if (unit == NULL || text[1] != ':') {
        return false;
    }
    facts->type = PYR_TYPE_TIMESTAMP;
    facts->unit = (pyr_time_unit)(unit - UNIT_LETTERS);
    facts->timezone = text[2] != '\0' ? text + 2 : NULL;
    return true;
}

/* "0,1,5" or nothing. */
static bool parse_type_codes(const char *text, pyr_type_facts *facts) {
    facts->type_codes_count = 0;
    while (*text != '\0') {
        int32_t code;
        if (facts->type_codes_count == 128 || (facts->type_codes_count > 0 && !skip(&text, ',')) ||
            !parse_number(&text, &code) || code < 0 || code > 127) {
            return false;
        }
        facts->type_codes[facts->type_codes_count++] = (int8_t)code;
    }
    return true;
}

static bool starts_with(const char *text, const char *prefix, const char **rest) {
    size_t length = strlen(prefix);
    *rest = text + length;
    return strncmp(text, prefix, length) == 0;
}

bool pyr_cdata_format_parse(const char *format, pyr_type_facts *facts) {
    *facts = (pyr_type_facts){0};
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); ++i) {
        if (strcmp(format, PLAIN[i].format) == 0) {
            facts->type = PLAIN[i].type;
            facts->unit = PLAIN[i].unit;
            return true;
        }
    }
    const char *rest;
    if (starts_with(format, "d:", &rest)) {
        return parse_decimal(rest, facts);
    }
    if (starts_with(format, "ts", &rest)) {
        return parse_timestamp(rest, facts);
    }
    if (starts_with(format, "w:", &rest)) {
        facts->type = PYR_TYPE_FIXED_SIZE_BINARY;
        return parse_number(&rest, &facts->byte_width) && *rest == '\0';
    }
    if (starts_with(format, "+w:", &rest)) {
        facts->type = PYR_TYPE_FIXED_SIZE_LIST;
        return parse_number(&rest, &facts->list_size) && *rest == '\0';
    }
    if (starts_with(format, "+ud:", &rest)) {
        facts->type = PYR_TYPE_DENSE_UNION;
        return parse_type_codes(rest, facts);
    }
    if (starts_with(format, "+us:", &rest)) {
        facts->type = PYR_TYPE_SPARSE_UNION;
        return parse_type_codes(rest, facts);
    }
    return false;
}

/* ---- Writing. ---- */

static void print_union(const pyr_field *field, pyr_text *text) {
    pyr_text_add(text, field->type == PYR_TYPE_DENSE_UNION ? "+ud:" : "+us:");
    for (int32_t i = 0; i < field->children_count; ++i) {
        pyr_text_printf(text, "%s%d", i > 0 ? "," : "", field->type_codes[i]);
    }
}

static void print_decimal(const pyr_field *field, pyr_text *text) {
    pyr_text_printf(text, "d:%d,%d", field->precision, field->scale);
    if (field->type != PYR_TYPE_DECIMAL128) {
        pyr_text_printf(text, ",%d", pyr_type_bit_width(field));
    }
}

void pyr_format_print(const pyr_field *field, pyr_text *text) {
    pyr_type_id type = field->type == PYR_TYPE_DICTIONARY ? field->index_type : field->type;
    bool has_unit = type == PYR_TYPE_TIME32 || type == PYR_TYPE_TIME64 || type == PYR_TYPE_DURATION;
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); ++i) {
        if (PLAIN[i].type == type && (!has_unit || PLAIN[i].unit == field->unit)) {
            pyr_text_add(text, PLAIN[i].format);
            return;
        }
    }
    switch (type) {
    case PYR_TYPE_TIMESTAMP:
        pyr_text_printf(text, "ts%c:%s", UNIT_LETTERS[field->unit],
                        field->timezone != NULL ? field->timezone : "");
        break;
    case PYR_TYPE_FIXED_SIZE_BINARY:
        pyr_text_printf(text, "w:%d", field->byte_width);
        break;
    case PYR_TYPE_FIXED_SIZE_LIST:
        pyr_text_printf(text, "+w:%d", field->list_size);
        break;
    case PYR_TYPE_DENSE_UNION:
    case PYR_TYPE_SPARSE_UNION:
        print_union(field, text);
        break;
    default:
        print_decimal(field, text);
        break;
    }
}

/* ---- Metadata: counts and lengths are native int32, strings are not terminated. ---- */

static int32_t read_i32(const char **bytes) {
    int32_t value;
    memcpy(&value, *bytes, sizeof(value));
    *bytes += sizeof(value);
    return value;
}

static pyr_status read_pairs(const char *bytes, int32_t pairs, pyr_metadata *metadata,
                             pyr_error *error) {
    for (int32_t i = 0; i < pairs; ++i) {
        int32_t key_length = read_i32(&bytes);
        const char *key = bytes;
        if (key_length < 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT, "metadata: key %d has length %d", i,
                                 key_length);
        }
        bytes += key_length;
        int32_t value_length = read_i32(&bytes);
        if (value_length < 0) {
            return pyr_error_set(error, PYR_ERROR_CORRUPT, "metadata: value %d has length %d", i,
                                 value_length);
        }
        PYR_TRY(pyr_metadata_add(metadata, key, (size_t)key_length, bytes, (size_t)value_length,
                                 error));
        bytes += value_length;
    }
    return PYR_OK;
}

pyr_status pyr_metadata_import(const char *bytes, pyr_metadata **out, pyr_error *error) {
    *out = NULL;
    int32_t pairs = bytes != NULL ? read_i32(&bytes) : 0;
    if (pairs < 0) {
        return pyr_error_set(error, PYR_ERROR_CORRUPT, "metadata: %d pairs", pairs);
    }
    if (pairs == 0) {
        return PYR_OK;
    }
    PYR_TRY(pyr_metadata_create(out, error));
    pyr_status status = read_pairs(bytes, pairs, *out, error);
    if (status != PYR_OK) {
        pyr_metadata_release(*out);
        *out = NULL;
    }
    return status;
}

static void add_string(pyr_text *text, const char *bytes, size_t length) {
    int32_t length_i32 = (int32_t)length;
    pyr_text_append(text, (const char *)&length_i32, sizeof(length_i32));
    pyr_text_append(text, bytes, length);
}

pyr_status pyr_metadata_export(const pyr_metadata *metadata, char **out, pyr_error *error) {
    *out = NULL;
    size_t count = pyr_metadata_count(metadata);
    if (count == 0) {
        return PYR_OK;
    }
    pyr_text text;
    pyr_text_init(&text);
    int32_t pairs = (int32_t)count;
    bool fits = count <= INT32_MAX;
    pyr_text_append(&text, (const char *)&pairs, sizeof(pairs));
    for (size_t i = 0; fits && i < count; ++i) {
        const char *key, *value;
        size_t key_length, value_length;
        pyr_metadata_get(metadata, i, &key, &key_length, &value, &value_length);
        fits = key_length <= INT32_MAX && value_length <= INT32_MAX;
        add_string(&text, key, key_length);
        add_string(&text, value, value_length);
    }
    *out = fits ? pyr_text_move(&text) : NULL;
    pyr_text_deinit(&text);
    if (!fits) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "metadata is longer than 2 GiB");
    }
    return *out != NULL ? PYR_OK : pyr_error_memory(error, sizeof(pairs));
}
