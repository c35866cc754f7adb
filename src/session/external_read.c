/* external_read.c - the texts with which DuckDB reads external files: read_parquet, read_csv and
 * read_json over a list of files, every column cast to its declared type. */
#include "session/external.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Options. ---- */

typedef struct reader_option {
    const char *name;     /* in WITH */
    const char *argument; /* of the function; NULL: ours, not the reader's */
    unsigned formats;     /* bits of pyr_external_format */
    bool number;
} reader_option;

enum {
    PARQUET = 1u << PYR_EXTERNAL_PARQUET,
    CSV = 1u << PYR_EXTERNAL_CSV,
    JSON = 1u << PYR_EXTERNAL_JSON,
    ZARR = 1u << PYR_EXTERNAL_ZARR,
    ALL = PARQUET | CSV | JSON | ZARR | 1u << PYR_EXTERNAL_ARROW | 1u << PYR_EXTERNAL_SAFETENSORS
};

static const reader_option known[] = {{"hash", NULL, ALL, false},
                                      {"metadata", NULL, ALL, false},
                                      {"hive_partitioning", NULL, ALL, false},
                                      {"decode_cf", NULL, ZARR, false},
                                      {"binary_as_string", "binary_as_string", PARQUET, false},
                                      {"delimiter", "delim", CSV, false},
                                      {"delim", "delim", CSV, false},
                                      {"sep", "delim", CSV, false},
                                      {"quote", "quote", CSV, false},
                                      {"escape", "escape", CSV, false},
                                      {"comment", "comment", CSV, false},
                                      {"header", "header", CSV, false},
                                      {"null", "nullstr", CSV, false},
                                      {"nullstr", "nullstr", CSV, false},
                                      {"skip", "skip", CSV, true},
                                      {"null_padding", "null_padding", CSV, false},
                                      {"strict_mode", "strict_mode", CSV, false},
                                      {"decimal_separator", "decimal_separator", CSV, false},
                                      {"compression", "compression", CSV | JSON, false},
                                      {"dateformat", "dateformat", CSV | JSON, false},
                                      {"timestampformat", "timestampformat", CSV | JSON, false},
                                      {"format", "format", JSON, false},
                                      {"maximum_object_size", "maximum_object_size", JSON, true}};
enum { KNOWN = sizeof(known) / sizeof(known[0]) };

static const reader_option *find_option(pyr_external_format format, const char *name) {
    for (size_t i = 0; i < KNOWN; ++i) {
        if ((known[i].formats & 1u << format) != 0 && strcasecmp(known[i].name, name) == 0) {
            return &known[i];
        }
    }
    return NULL;
}

static bool is_boolean(const char *value) {
    return strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0;
}

pyr_status pyr_external_check_option(pyr_external_format format, const pyr_option_value *option,
                                     pyr_error *error) {
    const reader_option *found = find_option(format, option->name);
    if (found == NULL) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42704", (int32_t)option->offset,
                                 "unknown option \"%s\" of an external table stored as %s",
                                 option->name, pyr_external_format_name(format));
    }
    const char *value = option->value != NULL ? option->value : "true";
    bool boolean = strcmp(found->name, "hash") == 0 ||
                   strcmp(found->name, "hive_partitioning") == 0 ||
                   strcmp(found->name, "decode_cf") == 0 || strcmp(found->name, "header") == 0;
    bool well =
        !option->nested && (!boolean || is_boolean(value)) &&
        (!found->number || (value[0] != '\0' && value[strspn(value, "0123456789")] == '\0'));
    return well ? PYR_OK
                : pyr_error_set_sql(error, PYR_ERROR_SQL, "22023", (int32_t)option->offset,
                                    "option %s: \"%s\" is not supported", option->name, value);
}

bool pyr_external_option_is(const pyr_table_option *options, size_t count, const char *name,
                            bool wanted) {
    for (size_t i = 0; i < count; ++i) {
        if (strcasecmp(options[i].name, name) == 0) {
            wanted = strcasecmp(options[i].value, "true") == 0;
        }
    }
    return wanted;
}

static void add_options(const pyr_external_source *source, pyr_text *out) {
    for (size_t i = 0; i < source->options_count; ++i) {
        const reader_option *option = find_option(source->format, source->options[i].name);
        if (option != NULL && option->argument != NULL) {
            pyr_text_printf(out, ", %s = ", option->argument);
            pyr_sql_quote_string(source->options[i].value, out);
        }
    }
}

/* ---- Pieces. ---- */

/* {'a': 'INTEGER', 'b': 'VARCHAR'} */
static void add_types(const pyr_field *const *fields, const char *const *names, size_t count,
                      pyr_text *out) {
    pyr_text type;
    pyr_text_init(&type);
    pyr_text_add_char(out, '{');
    for (size_t i = 0; i < count; ++i) {
        pyr_text_clear(&type);
        pyr_sql_type_print(fields[i], &type);
        pyr_text_add(out, i > 0 ? ", " : "");
        pyr_sql_quote_string(names != NULL ? names[i] : fields[i]->name, out);
        pyr_text_add(out, ": ");
        pyr_sql_quote_string(pyr_text_get(&type), out);
    }
    pyr_text_add_char(out, '}');
    out->failed |= type.failed;
    pyr_text_deinit(&type);
}

static void add_columns(const pyr_external_source *source, pyr_text *out) {
    const pyr_schema *columns = source->columns;
    add_types((const pyr_field *const *)columns->fields, NULL, (size_t)columns->fields_count, out);
}

static void add_keys(const pyr_external_source *source, pyr_text *out) {
    const pyr_field *fields[PYR_HIVE_PARTS_MAX];
    const char *names[PYR_HIVE_PARTS_MAX];
    size_t count = source->keys_count < PYR_HIVE_PARTS_MAX ? source->keys_count : 0;
    for (size_t i = 0; i < count; ++i) {
        fields[i] = source->keys[i].field;
        names[i] = source->keys[i].key;
    }
    pyr_text_add(out, ", hive_partitioning = ");
    pyr_text_add(out, count > 0 ? "true, hive_types_autocast = false, hive_types = " : "false");
    if (count > 0) {
        add_types(fields, names, count, out);
    }
}

/* DuckDB takes \ for a separator where it looks for matches, and has no escape for it. */
static pyr_status check_paths(const pyr_external_source *source, pyr_error *error) {
    for (size_t i = 0; i < source->objects_count; ++i) {
        const char *path = source->objects[i].path;
        if (pyr_glob_is_pattern(path) && strchr(path, '\\') != NULL) {
            return pyr_error_set(error, PYR_ERROR_NOT_SUPPORTED,
                                 "file \"%s\": a path with a backslash and one of *?[", path);
        }
    }
    return PYR_OK;
}

/* Each is a pattern to DuckDB: "a[1].csv" would be a1.csv. */
static void add_paths(const pyr_external_source *source, pyr_text *out) {
    pyr_text path;
    pyr_text_init(&path);
    pyr_text_add_char(out, '[');
    for (size_t i = 0; i < source->objects_count; ++i) {
        pyr_text_clear(&path);
        pyr_glob_quote(source->objects[i].path, strlen(source->objects[i].path), &path);
        pyr_text_add(out, i > 0 ? ", " : "");
        pyr_sql_quote_string(pyr_text_get(&path), out);
    }
    pyr_text_add_char(out, ']');
    out->failed |= path.failed;
    pyr_text_deinit(&path);
}

static void add_call(const pyr_external_source *source, pyr_text *out) {
    static const char *const functions[] = {[PYR_EXTERNAL_PARQUET] = "read_parquet",
                                            [PYR_EXTERNAL_ARROW] = "read_arrow",
                                            [PYR_EXTERNAL_CSV] = "read_csv",
                                            [PYR_EXTERNAL_JSON] = "read_json",
                                            [PYR_EXTERNAL_SAFETENSORS] = "read_safetensors",
                                            [PYR_EXTERNAL_ZARR] = "read_zarr"};
    bool csv = source->format == PYR_EXTERNAL_CSV;
    /* By the whole name: what stands before it in an instance that lends files refuses. */
    pyr_text_printf(out, "system.main.%s(", functions[source->format]);
    add_paths(source, out);
    if (source->columns != NULL && (csv || source->format == PYR_EXTERNAL_JSON)) {
        /* By name, as the header has them; without a header by place. */
        bool named =
            csv && pyr_external_option_is(source->options, source->options_count, "header", true);
        pyr_text_add(out, named ? ", types = " : ", columns = ");
        add_columns(source, out);
    }
    add_options(source, out);
    add_keys(source, out);
    pyr_text_add_char(out, ')');
}

void pyr_external_add_cast(const char *expression, const pyr_field *field, pyr_text *out) {
    pyr_text_printf(out, "CAST(%s AS ", expression);
    pyr_sql_type_print(field, out);
    pyr_text_add_char(out, ')');
}

static void add_column(const char *name, const pyr_field *field, bool first, pyr_text *out) {
    pyr_text quoted;
    pyr_text_init(&quoted);
    pyr_text_add_char(&quoted, '"');
    for (const char *c = name; *c != '\0'; ++c) {
        pyr_text_add(&quoted, *c == '"' ? "\"" : "");
        pyr_text_add_char(&quoted, *c);
    }
    pyr_text_add_char(&quoted, '"');
    pyr_text_add(out, first ? "" : ", ");
    pyr_external_add_cast(pyr_text_get(&quoted), field, out);
    pyr_text_add(out, " AS ");
    pyr_sql_quote_name(field->name, out);
    out->failed |= quoted.failed;
    pyr_text_deinit(&quoted);
}

pyr_status pyr_external_add_query(const pyr_external_source *source, pyr_text *out,
                                  pyr_error *error) {
    PYR_TRY(check_paths(source, error));
    pyr_text_add(out, "SELECT ");
    int32_t count = source->columns != NULL ? source->columns->fields_count : 0;
    for (int32_t i = 0; i < count; ++i) {
        add_column(source->columns->fields[i]->name, source->columns->fields[i], i == 0, out);
    }
    for (size_t i = 0; i < source->keys_count; ++i) {
        add_column(source->keys[i].key, source->keys[i].field, count == 0 && i == 0, out);
    }
    pyr_text_add(out, source->columns == NULL ? "* FROM " : " FROM ");
    add_call(source, out);
    return pyr_text_check(out, error);
}

void pyr_external_add_empty(const pyr_schema *schema, pyr_text *out) {
    pyr_text_add(out, "SELECT ");
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_text_add(out, i > 0 ? ", " : "");
        pyr_external_add_cast("NULL", schema->fields[i], out);
        pyr_text_add(out, " AS ");
        pyr_sql_quote_name(schema->fields[i]->name, out);
    }
    pyr_text_add(out, " WHERE false");
}
