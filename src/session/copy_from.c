/* copy_from.c - COPY t FROM: a reader's function as the source of an INSERT. */
#include "session/rows.h"

#include <string.h>
#include <strings.h>

/* The reader's options that a COPY statement may give, and the reader's own name for each. */
static const char *reader_option(const char *name) {
    static const char *const pairs[][2] = {{"delimiter", "delim"},
                                           {"delim", "delim"},
                                           {"sep", "delim"},
                                           {"header", "header"},
                                           {"null", "nullstr"},
                                           {"nullstr", "nullstr"},
                                           {"quote", "quote"},
                                           {"escape", "escape"},
                                           {"skip", "skip"},
                                           {"dateformat", "dateformat"},
                                           {"timestampformat", "timestampformat"},
                                           {"ignore_errors", "ignore_errors"},
                                           {"null_padding", "null_padding"},
                                           {"allow_quoted_nulls", "allow_quoted_nulls"},
                                           {"auto_detect", "auto_detect"},
                                           {"strict_mode", "strict_mode"},
                                           {"thousands", "thousands"},
                                           {"decimal_separator", "decimal_separator"},
                                           {"comment", "comment"},
                                           {"encoding", "encoding"},
                                           {"new_line", "new_line"},
                                           {"max_line_size", "max_line_size"},
                                           {"parallel", "parallel"},
                                           {"compression", "compression"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); ++i) {
        if (strcmp(name, pairs[i][0]) == 0) {
            return pairs[i][1];
        }
    }
    return NULL;
}

static void add_reader_options(pyr_text *text, const pyr_parsed *parsed, bool tabs) {
    if (tabs && pyr_copy_option(parsed, "delimiter") == NULL &&
        pyr_copy_option(parsed, "delim") == NULL && pyr_copy_option(parsed, "sep") == NULL) {
        pyr_text_add(text, ", delim = '\t'");
    }
    for (size_t i = 0; i < parsed->options_count; ++i) {
        const char *name = reader_option(parsed->options[i].name);
        if (name == NULL) {
            continue;
        }
        pyr_text_printf(text, ", %s = ", name);
        if (parsed->options[i].value == NULL) {
            pyr_text_add(text, "true");
        } else if (parsed->options[i].nested) { /* NULL ['', 'none'] */
            pyr_text_add(text, parsed->options[i].value);
        } else {
            pyr_sql_quote_string(parsed->options[i].value, text);
        }
    }
}

/* A spooled pipe has lost its name, whose suffix says how it is compressed. */
static void add_compression(pyr_text *text, const pyr_parsed *parsed) {
    const char *dot = strrchr(parsed->path, '.');
    const char *compression = dot == NULL                    ? NULL
                              : strcasecmp(dot, ".gz") == 0  ? "gzip"
                              : strcasecmp(dot, ".zst") == 0 ? "zstd"
                                                             : NULL;
    if (compression != NULL && pyr_copy_option(parsed, "compression") == NULL) {
        pyr_text_printf(text, ", compression = '%s'", compression);
    }
}

/* Arrow, Parquet and Safetensors files say themselves what they are: an option would be ignored. */
static pyr_status check_reader_options(const pyr_parsed *parsed, pyr_copy_format format,
                                       pyr_error *error) {
    bool describes_itself =
        format == PYR_COPY_ARROW || format == PYR_COPY_PARQUET || format == PYR_COPY_SAFETENSORS;
    for (size_t i = 0; i < parsed->options_count; ++i) {
        const char *name = parsed->options[i].name;
        if (strcmp(name, "format") != 0 && (describes_itself || reader_option(name) == NULL)) {
            return pyr_error_set_sql(
                error, PYR_ERROR_SQL, "42704", (int32_t)parsed->options[i].offset,
                "COPY FROM %s: unknown option \"%s\"", pyr_copy_format_name(format), name);
        }
    }
    return PYR_OK;
}

/* CSV and JSON have no types of their own: the table's are what the columns are read as. */
static void add_column_types(pyr_text *text, const pyr_parsed *parsed, const pyr_table *table) {
    pyr_text_add(text, ", columns = {");
    int32_t count =
        parsed->names_count > 0 ? (int32_t)parsed->names_count : table->schema->fields_count;
    bool any = false;
    for (int32_t i = 0; i < count; ++i) {
        int32_t column =
            parsed->names_count > 0 ? pyr_schema_find(table->schema, parsed->names[i], true) : i;
        if (column < 0 || pyr_table_generated(table, column) != NULL) {
            continue; /* a wrong name is reported where names are looked up */
        }
        pyr_text type;
        pyr_text_init(&type);
        pyr_sql_type_print(table->schema->fields[column], &type);
        pyr_text_add(text, any ? ", " : "");
        any = true;
        pyr_sql_quote_string(table->schema->fields[column]->name, text);
        pyr_text_add(text, ": ");
        pyr_sql_quote_string(pyr_text_get(&type), text);
        text->failed |= type.failed;
        pyr_text_deinit(&type);
    }
    pyr_text_add_char(text, '}');
}

pyr_status pyr_run_copy_from(pyr_execution *execution, const pyr_parsed *parsed, pyr_batch *params,
                             pyr_result *out, pyr_error *error) {
    PYR_TRY(pyr_check_writable(execution, "COPY FROM", error));
    PYR_TRY(pyr_file_access_check(&execution->connection->files, parsed->path, error));
    pyr_copy_format format;
    bool tabs;
    PYR_TRY(pyr_copy_format_of(parsed, &format, &tabs, error));
    PYR_TRY(check_reader_options(parsed, format, error));
    pyr_table *table = NULL;
    PYR_TRY(pyr_resolve_table(execution, &parsed->table, &table, error));
    const char *path = NULL;
    PYR_TRY(pyr_spool_pipe(execution, parsed->path, &path, error));
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_printf(&text, "SELECT * FROM read_%s(", pyr_copy_format_name(format));
    pyr_sql_quote_string(path, &text);
    if (format == PYR_COPY_CSV || format == PYR_COPY_JSON) {
        add_reader_options(&text, parsed, tabs && format == PYR_COPY_CSV);
        add_column_types(&text, parsed, table);
        if (path != parsed->path) {
            add_compression(&text, parsed);
        }
    }
    pyr_text_add_char(&text, ')');
    pyr_status status = pyr_text_check(&text, error);
    if (status == PYR_OK) {
        pyr_span source = {pyr_text_get(&text), text.length, 0};
        status = pyr_insert_from(execution, parsed, &source, params, out, error);
        if (status != PYR_OK && error != NULL) {
            error->position = -1; /* it points into a text the user did not write */
        }
    }
    pyr_text_deinit(&text);
    return status;
}
