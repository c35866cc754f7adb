/* shell_command.c - the shell from its options: what to run, where results go. */
#include "cli/commands.h"
#include "cli/parameters.h"
#include "cli/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Options that only a server understands, on a local database. */
static int check_remote_options(const pyr_options *options, const char *location) {
    static const char *const remote[] = {"user", "password-file", "token-file", "ca"};
    bool is_remote =
        strncmp(location, "grpc://", 7) == 0 || strncmp(location, "grpc+tls://", 11) == 0;
    for (size_t i = 0; !is_remote && i < sizeof(remote) / sizeof(remote[0]); ++i) {
        if (pyr_options_has(options, remote[i])) {
            return pyr_usage_error("--%s is for a remote database (grpc://HOST:PORT)", remote[i]);
        }
    }
    return PYR_EXIT_OK;
}

static int parse_format(const char *name, pyr_shell *shell) {
    if (name == NULL) {
        return PYR_EXIT_OK;
    }
    shell->format_given = true;
    if (pyr_format_parse(name, &shell->kind)) {
        return PYR_EXIT_OK;
    }
    return pyr_usage_error("--format: \"%.60s\" is not one of box, csv, tsv, json, ndjson, "
                           "markdown, line, arrow",
                           name);
}

static int check_output(const char *path) {
    const char *suffix = path != NULL ? strrchr(path, '.') : NULL;
    if (suffix != NULL && strcasecmp(suffix, ".parquet") == 0) {
        return pyr_usage_error("--output writes no Parquet: use COPY (query) TO '%.200s'", path);
    }
    return PYR_EXIT_OK;
}

/* ---- What to run. ---- */

static bool is_text(const pyr_option_item *item) {
    return strcmp(item->option->name, "command") == 0;
}

static bool is_input(const pyr_option_item *item) {
    return is_text(item) || strcmp(item->option->name, "file") == 0;
}

/* -c and -f in the order given. */
static void run_inputs(pyr_shell *shell, const pyr_options *options) {
    for (size_t i = 0; i < options->items_count; ++i) {
        const pyr_option_item *item = &options->items[i];
        if (!is_input(item)) {
            continue;
        }
        if (shell->quit) {
            shell->failed |= shell->reader_gone; /* what is left was not run */
            return;
        }
        bool well = is_text(item) ? pyr_shell_text(shell, item->value, strlen(item->value))
                                  : pyr_shell_file(shell, item->value);
        if (!well && !shell->keep_going) {
            return;
        }
    }
}

/* An Arrow stream on stdout holds one result, the last: looked for before anything runs. Files that
 * cannot be read say so when they are run. */
static void find_last_result(pyr_shell *shell, const pyr_options *options) {
    int64_t statements = 0;
    shell->last_only = true;
    shell->last_result = -1;
    for (size_t i = 0; i < options->items_count; ++i) {
        const pyr_option_item *item = &options->items[i];
        if (is_text(item)) {
            pyr_shell_find_last_result(item->value, strlen(item->value), &statements,
                                       &shell->last_result);
        } else if (is_input(item) && strcmp(item->value, "-") != 0) {
            char *text = NULL;
            size_t length = 0;
            int fd = open(item->value, O_RDONLY | O_CLOEXEC);
            if (fd >= 0 && pyr_read_descriptor(fd, &text, &length, NULL) == PYR_OK) {
                pyr_shell_find_last_result(text, length, &statements, &shell->last_result);
            }
            free(text);
            if (fd >= 0) {
                close(fd);
            }
        }
    }
}

static void run_stdin(pyr_shell *shell, bool arrow) {
    if (!arrow) {
        (void)pyr_shell_descriptor(shell, STDIN_FILENO);
        return;
    }
    char *text = NULL;
    size_t length = 0;
    pyr_error error;
    pyr_error_clear(&error);
    if (pyr_read_descriptor(STDIN_FILENO, &text, &length, &error) != PYR_OK) {
        shell->failed = true;
        pyr_error_report(&error, NULL);
        return;
    }
    int64_t statements = 0;
    shell->last_only = true;
    shell->last_result = -1;
    pyr_shell_find_last_result(text, length, &statements, &shell->last_result);
    (void)pyr_shell_text(shell, text, length);
    free(text);
}

static void run_all(pyr_shell *shell, const pyr_options *options) {
    bool inputs = false;
    for (size_t i = 0; i < options->items_count; ++i) {
        inputs = inputs || is_input(&options->items[i]);
    }
    bool arrow_on_stdout = shell->kind == PYR_FORMAT_ARROW && shell->file.path == NULL;
    if (inputs) {
        if (arrow_on_stdout) {
            find_last_result(shell, options);
        }
        run_inputs(shell, options);
    } else if (shell->interactive) {
        pyr_shell_interactive(shell);
    } else {
        run_stdin(shell, arrow_on_stdout);
    }
}

/* ---- The command. ---- */

static bool set_up(pyr_shell *shell, const pyr_options *options, pyr_database *db) {
    pyr_error error;
    pyr_error_clear(&error);
    size_t count = 0;
    const char **values = pyr_options_all(options, "param", &count);
    pyr_status status = values != NULL ? PYR_OK : pyr_error_memory(&error, count);
    if (status == PYR_OK) {
        status = pyr_parameters_create(values, count, &shell->params, &error);
    }
    free(values);
    if (status == PYR_OK) {
        status = pyr_output_init(&shell->standard, STDOUT_FILENO, "stdout", &error);
    }
    const char *path = pyr_options_get(options, "output");
    if (status == PYR_OK && path != NULL) {
        status = pyr_shell_redirect(shell, path, true, &error);
    }
    if (status == PYR_OK) {
        status = pyr_connect(db, &shell->connection, &error);
    }
    if (status != PYR_OK) {
        pyr_error_report(&error, NULL);
    }
    return status == PYR_OK;
}

static void tear_down(pyr_shell *shell) {
    pyr_error error;
    pyr_error_clear(&error);
    pyr_status status = pyr_output_close(&shell->file, &error);
    if (status == PYR_OK) {
        status = pyr_output_close(&shell->standard, &error);
    } else if (pyr_output_close(&shell->standard, NULL) != PYR_OK) {
        shell->failed = true;
    }
    if (status != PYR_OK) {
        shell->failed = true;
        pyr_error_report(&error, NULL);
    }
    pyr_batch_release(shell->params);
    pyr_disconnect(shell->connection);
    pyr_interrupts_destroy(shell->interrupts);
}

static bool wants_terminal(const pyr_options *options) {
    for (size_t i = 0; i < options->items_count; ++i) {
        if (is_input(&options->items[i])) {
            return false;
        }
    }
    return isatty(STDIN_FILENO) == 1;
}

int pyr_command_shell(const pyr_options *options) {
    const char *location = options->arguments_count > 0 ? options->arguments[0] : ":memory:";
    pyr_shell shell = {
        .database = location,
        .timer = pyr_options_has(options, "timer"),
        .ledger = pyr_options_has(options, "ledger"),
        .keep_going = pyr_options_has(options, "keep-going"),
        .interactive = wants_terminal(options),
    };
    int code = check_remote_options(options, location);
    code = code != PYR_EXIT_OK ? code : parse_format(pyr_options_get(options, "format"), &shell);
    code = code != PYR_EXIT_OK ? code : check_output(pyr_options_get(options, "output"));
    if (code != PYR_EXIT_OK) {
        return code;
    }
    pyr_error error;
    pyr_error_clear(&error);
    if (pyr_interrupts_create(shell.interactive, &shell.interrupts, &error) != PYR_OK) {
        pyr_error_report(&error, NULL);
        return PYR_EXIT_FAILED;
    }
    pyr_database *db = NULL;
    const char *const *settings =
        pyr_options_has(options, "readonly") ? pyr_settings_readonly : NULL;
    if (!pyr_command_open(location, options, settings, &db, &code)) {
        pyr_interrupts_destroy(shell.interrupts);
        return code;
    }
    shell.failed = !set_up(&shell, options, db);
    if (!shell.failed) {
        run_all(&shell, options);
    }
    tear_down(&shell);
    pyr_close(db);
    return shell.failed ? PYR_EXIT_FAILED : PYR_EXIT_OK;
}
