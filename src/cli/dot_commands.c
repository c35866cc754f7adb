/* dot_commands.c - .help .tables .schema .mode .timer .ledger .read .output .quit: one table. */
#include "base/text.h"
#include "cli/display.h"
#include "cli/options.h"
#include "cli/shell.h"
#include "sql/statement.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct dot_command {
    const char *name;
    const char *arguments;
    const char *help;
    bool (*run)(pyr_shell *shell, const char *argument); /* argument: NULL where none is given */
} dot_command;

static bool fail(pyr_shell *shell, pyr_error *error) {
    shell->failed = true;
    pyr_error_report(error, NULL);
    return false;
}

static bool fail_usage(pyr_shell *shell, const char *message) {
    pyr_error error;
    pyr_error_clear(&error);
    pyr_error_set(&error, PYR_ERROR_INVALID_ARGUMENT, "%s", message);
    return fail(shell, &error);
}

static bool say(pyr_shell *shell, pyr_text *text) {
    pyr_error error;
    pyr_error_clear(&error);
    pyr_text *out = &shell->standard.buffer;
    pyr_text_append(out, pyr_text_get(text), text->length);
    pyr_status status = pyr_text_check(text, &error);
    pyr_text_deinit(text);
    if (status == PYR_OK) {
        status = pyr_output_flush(&shell->standard, &error);
    }
    return status == PYR_OK || fail(shell, &error);
}

/* ---- .tables, .schema ---- */

typedef struct table_list {
    const char *pattern; /* NULL: all */
    char **names;        /* quoted where they must be */
    size_t count;
} table_list;

static pyr_status collect_table(void *context, const char *schema_name, const char *name,
                                pyr_schema *schema, int64_t rows, int64_t size_bytes,
                                pyr_error *error) {
    table_list *self = context;
    (void)schema;
    (void)rows;
    (void)size_bytes;
    if (self->pattern != NULL && strcasecmp(self->pattern, name) != 0) {
        return PYR_OK;
    }
    char **names = realloc(self->names, (self->count + 1) * sizeof(*names));
    if (names == NULL) {
        return pyr_error_memory(error, (self->count + 1) * sizeof(*names));
    }
    self->names = names;
    pyr_text text;
    pyr_text_init(&text);
    if (strcmp(schema_name, "main") != 0) {
        pyr_sql_quote_name(schema_name, &text);
        pyr_text_add_char(&text, '.');
    }
    pyr_sql_quote_name(name, &text);
    names[self->count] = pyr_text_move(&text);
    if (names[self->count] == NULL) {
        return pyr_error_memory(error, strlen(name));
    }
    self->count += 1;
    return PYR_OK;
}

static void table_list_deinit(table_list *self) {
    for (size_t i = 0; i < self->count; ++i) {
        free(self->names[i]);
    }
    free(self->names);
}

static bool list_tables(pyr_shell *shell, const char *argument, table_list *out) {
    pyr_error error;
    pyr_error_clear(&error);
    *out = (table_list){.pattern = argument};
    if (pyr_session_tables(shell->connection, collect_table, out, &error) != PYR_OK) {
        table_list_deinit(out);
        return fail(shell, &error);
    }
    if (argument != NULL && out->count == 0) {
        table_list_deinit(out);
        pyr_error_set_sql(&error, PYR_ERROR_NOT_FOUND, "42P01", -1,
                          "table \"%s\" does not exist: .tables lists the tables", argument);
        return fail(shell, &error);
    }
    return true;
}

static bool run_tables(pyr_shell *shell, const char *argument) {
    table_list tables;
    if (!list_tables(shell, argument, &tables)) {
        return false;
    }
    pyr_text text;
    pyr_text_init(&text);
    for (size_t i = 0; i < tables.count; ++i) {
        pyr_display_escape(tables.names[i], strlen(tables.names[i]), false, &text);
        pyr_text_add_char(&text, '\n');
    }
    table_list_deinit(&tables);
    return say(shell, &text);
}

/* The text of SHOW CREATE TABLE is the last column of its one row. */
static pyr_status append_definition(pyr_shell *shell, const char *name, pyr_text *out,
                                    pyr_error *error) {
    pyr_text sql;
    pyr_text_init(&sql);
    pyr_text_add(&sql, "SHOW CREATE TABLE ");
    pyr_text_add(&sql, name);
    pyr_result result;
    memset(&result, 0, sizeof(result));
    pyr_batch *batch = NULL;
    pyr_status status = pyr_text_check(&sql, error);
    if (status == PYR_OK) {
        status = pyr_session_run(shell->connection, pyr_text_get(&sql), sql.length, NULL, 0,
                                 &result, error);
    }
    if (status == PYR_OK && result.has_rows) {
        status = pyr_stream_next(result.stream, &batch, error);
    }
    if (status == PYR_OK && batch != NULL && batch->rows > 0 && batch->columns_count > 0) {
        size_t size = 0;
        const pyr_array *column = batch->columns[batch->columns_count - 1];
        const uint8_t *bytes = pyr_array_bytes(column, 0, &size);
        pyr_display_escape((const char *)bytes, size, true, out);
        bool ends = size > 0 && bytes[size - 1] == ';';
        pyr_text_add(out, ends ? "\n" : ";\n");
    }
    pyr_batch_release(batch);
    pyr_result_deinit(&result);
    pyr_text_deinit(&sql);
    return status;
}

static bool run_schema(pyr_shell *shell, const char *argument) {
    table_list tables;
    if (!list_tables(shell, argument, &tables)) {
        return false;
    }
    pyr_error error;
    pyr_error_clear(&error);
    pyr_text text;
    pyr_text_init(&text);
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < tables.count; ++i) {
        status = append_definition(shell, tables.names[i], &text, &error);
    }
    table_list_deinit(&tables);
    if (status != PYR_OK) {
        pyr_text_deinit(&text);
        return fail(shell, &error);
    }
    return say(shell, &text);
}

/* ---- What changes how results are shown. ---- */

static bool run_mode(pyr_shell *shell, const char *argument) {
    pyr_text text;
    pyr_text_init(&text);
    if (argument == NULL) {
        pyr_text_printf(&text, "mode: %s\n", pyr_format_name(shell->kind));
        return say(shell, &text);
    }
    if (pyr_format_parse(argument, &shell->kind)) {
        shell->format_given = true;
        return true;
    }
    pyr_text_printf(&text, ".mode: \"%.60s\" is not one of", argument);
    for (int i = 0; i < PYR_FORMATS_COUNT; ++i) {
        pyr_text_printf(&text, "%s %s", i > 0 ? "," : "", pyr_format_name((pyr_format_kind)i));
    }
    bool result = fail_usage(shell, pyr_text_get(&text));
    pyr_text_deinit(&text);
    return result;
}

static bool set_switch(pyr_shell *shell, const char *name, const char *argument, bool *flag) {
    if (argument == NULL) {
        *flag = !*flag;
    } else if (strcasecmp(argument, "on") == 0) {
        *flag = true;
    } else if (strcasecmp(argument, "off") == 0) {
        *flag = false;
    } else {
        pyr_text text;
        pyr_text_init(&text);
        pyr_text_printf(&text, ".%s: \"%.60s\" is neither on nor off", name, argument);
        bool result = fail_usage(shell, pyr_text_get(&text));
        pyr_text_deinit(&text);
        return result;
    }
    if (argument == NULL || shell->interactive) {
        pyr_text text;
        pyr_text_init(&text);
        pyr_text_printf(&text, "%s: %s\n", name, *flag ? "on" : "off");
        return say(shell, &text);
    }
    return true;
}

static bool run_timer(pyr_shell *shell, const char *argument) {
    return set_switch(shell, "timer", argument, &shell->timer);
}

static bool run_ledger(pyr_shell *shell, const char *argument) {
    return set_switch(shell, "ledger", argument, &shell->ledger);
}

static bool run_output(pyr_shell *shell, const char *argument) {
    pyr_error error;
    pyr_error_clear(&error);
    if (argument != NULL && strcasecmp(argument, "stdout") == 0) {
        argument = NULL;
    }
    if (pyr_shell_redirect(shell, argument, false, &error) != PYR_OK) {
        return fail(shell, &error);
    }
    return true;
}

static bool run_read(pyr_shell *shell, const char *argument) {
    if (argument == NULL) {
        return fail_usage(shell, ".read needs a file's name");
    }
    shell->depth += 1;
    bool well = pyr_shell_file(shell, argument);
    shell->depth -= 1;
    return well;
}

static bool run_quit(pyr_shell *shell, const char *argument) {
    (void)argument;
    shell->quit = true;
    return true;
}

static bool run_help(pyr_shell *shell, const char *argument);

static const dot_command commands[] = {
    {".help", "", "this list", run_help},
    {".tables", "[TABLE]", "the tables", run_tables},
    {".schema", "[TABLE]", "CREATE TABLE of one table or all", run_schema},
    {".mode", "[FORMAT]", "how results look: box, csv, tsv, json, ndjson, markdown, line, arrow",
     run_mode},
    {".timer", "[on|off]", "say how long each statement took", run_timer},
    {".ledger", "[on|off]", "say what each statement did with bytes", run_ledger},
    {".read", "FILE", "run the statements of a file", run_read},
    {".output", "[FILE]", "results go to FILE; without it, here again", run_output},
    {".quit", "", "leave (Ctrl-D does too)", run_quit},
    {".exit", "", NULL, run_quit},
};
#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static bool run_help(pyr_shell *shell, const char *argument) {
    (void)argument;
    pyr_text text;
    pyr_text_init(&text);
    for (size_t i = 0; i < COMMANDS_COUNT; ++i) {
        if (commands[i].help != NULL) {
            pyr_text_printf(&text, "%-8s %-9s %s\n", commands[i].name, commands[i].arguments,
                            commands[i].help);
        }
    }
    pyr_text_add(&text, "Statements end with ';' and may take several lines. Ctrl-C cancels a "
                        "statement, Tab completes.\n");
    return say(shell, &text);
}

const char *const *pyr_dot_command_names(void) {
    static const char *const names[] = {".help", ".tables", ".schema", ".mode", ".timer", ".ledger",
                                        ".read", ".output", ".quit",   ".exit", NULL};
    _Static_assert(sizeof(names) / sizeof(names[0]) == COMMANDS_COUNT + 1, "one name a command");
    return names;
}

/* The word at *line, in quotes where it holds spaces; *line moves past it. NULL at the end. */
static char *take_word(const char **line) {
    while (isspace((unsigned char)**line)) {
        ++*line;
    }
    if (**line == '\0') {
        return NULL;
    }
    char quote = **line == '"' || **line == '\'' ? **line : '\0';
    const char *start = *line + (quote != '\0');
    const char *end = start;
    while (*end != '\0' && (quote != '\0' ? *end != quote : !isspace((unsigned char)*end))) {
        ++end;
    }
    *line = end + (quote != '\0' && *end == quote);
    return strndup(start, (size_t)(end - start));
}

static bool unknown_command(pyr_shell *shell, const char *word) {
    const char *nearest = pyr_nearest_name(word, pyr_dot_command_names());
    pyr_text text;
    pyr_text_init(&text);
    pyr_text_printf(&text, "unknown command %.60s: ", word);
    if (nearest != NULL) {
        pyr_text_printf(&text, "did you mean %s?", nearest);
    } else {
        pyr_text_add(&text, ".help lists the commands");
    }
    bool result = fail_usage(shell, pyr_text_get(&text));
    pyr_text_deinit(&text);
    return result;
}

bool pyr_shell_dot_command(pyr_shell *shell, const char *line, size_t length) {
    while (length > 0 && (isspace((unsigned char)line[length - 1]) || line[length - 1] == ';')) {
        --length; /* ".tables;" comes easily to the fingers */
    }
    char *copy = strndup(line, length);
    const char *rest = copy != NULL ? copy : "";
    char *word = take_word(&rest);
    char *argument = take_word(&rest);
    char *more = take_word(&rest);
    bool well = false;
    const dot_command *command = NULL;
    for (size_t i = 0; word != NULL && i < COMMANDS_COUNT; ++i) {
        if (strcasecmp(word, commands[i].name) == 0) {
            command = &commands[i];
        }
    }
    if (word == NULL) {
        well = fail_usage(shell, "out of memory");
    } else if (command == NULL) {
        well = unknown_command(shell, word);
    } else if (more != NULL || (argument != NULL && command->arguments[0] == '\0')) {
        pyr_text text;
        pyr_text_init(&text);
        pyr_text_printf(&text, "%s: too many arguments: %s %s", command->name, command->name,
                        command->arguments);
        well = fail_usage(shell, pyr_text_get(&text));
        pyr_text_deinit(&text);
    } else {
        well = command->run(shell, argument);
    }
    free(more);
    free(argument);
    free(word);
    free(copy);
    return well;
}
