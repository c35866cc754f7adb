/* commands.c - from argv to a command: the tables, help, and what commands share. */
#include "cli/commands.h"

#include "base/text.h"
#include "cli/display.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The tables. ---- */

#define OPTION_SET                                                              \
    {                                                                           \
        .name = "set", .repeat = true, .separator = ',', .value = "NAME=VALUE", \
        .help = "a session setting, such as threads=4"                          \
    }
#define OPTION_LEDGER \
    { .name = "ledger", .help = "one JSON line on stderr: bytes mapped, referenced, copied" }
#define OPTION_HELP \
    { .name = "help", .letter = 'h', .command_only = true, .help = "this text" }

static const pyr_option shell_options[] = {
    {.name = "command",
     .letter = 'c',
     .repeat = true,
     .command_only = true,
     .value = "SQL",
     .help = "run statements, divided by ';', and leave"},
    {.name = "file",
     .letter = 'f',
     .repeat = true,
     .command_only = true,
     .value = "FILE",
     .help = "run the statements of a file (-: stdin) and leave"},
    {.name = "param",
     .repeat = true,
     .command_only = true,
     .value = "VALUE",
     .help = "the value of $1, then of $2, ..."},
    {.name = "format",
     .value = "FORMAT",
     .help = "box, csv, tsv, json, ndjson, markdown, line, arrow (IPC stream)"},
    {.name = "output",
     .value = "FILE",
     .help = "the last result goes to FILE, its format by the suffix"},
    {.name = "timer", .help = "one line on stderr: how long each statement took"},
    OPTION_LEDGER,
    OPTION_SET,
    {.name = "readonly", .help = "refuse writes; allowed beside a process that writes"},
    {.name = "keep-going", .help = "go on after a statement that failed (exit is still 1)"},
    {.name = "user", .value = "NAME", .help = "for a remote database"},
    {.name = "password-file", .value = "FILE", .help = "for a remote database"},
    {.name = "token-file", .value = "FILE", .help = "for a remote database"},
    {.name = "ca", .value = "FILE", .help = "for a remote database: who signed its certificate"},
    OPTION_HELP,
    {.name = "version", .letter = 'V', .command_only = true, .help = "the version"},
    {0},
};

static const pyr_option serve_options[] = {
    {.name = "listen", .value = "HOST:PORT", .help = "default 127.0.0.1:32010; port 0: a free one"},
    {.name = "http", .value = "HOST:PORT", .help = "health and metrics (not supported yet)"},
    {.name = "tls-cert", .value = "FILE", .help = "not supported yet"},
    {.name = "tls-key", .value = "FILE", .help = "not supported yet"},
    {.name = "tls-client-ca", .value = "FILE", .help = "not supported yet"},
    {.name = "user-file", .value = "FILE", .help = "not supported yet"},
    {.name = "token-file", .value = "FILE", .help = "not supported yet"},
    {.name = "insecure", .help = "allow an address off loopback without TLS and users"},
    {.name = "memory-limit", .value = "SIZE", .help = "memory a query may take, such as 4GB"},
    {.name = "threads", .value = "N", .help = "threads a query may use"},
    {.name = "max-connections", .value = "N", .help = "more are refused"},
    {.name = "statement-timeout", .value = "SECONDS", .help = "cancel statements above it"},
    {.name = "allow-path",
     .repeat = true,
     .separator = ':',
     .value = "DIR",
     .help = "clients may read and write files below DIR"},
    {.name = "readonly", .help = "refuse writes"},
    OPTION_SET,
    OPTION_HELP,
    {0},
};

static const pyr_option ingest_options[] = {
    {.name = "format",
     .value = "FORMAT",
     .help = "arrow, parquet, csv, json, ndjson; else found out from the content"},
    {.name = "replace", .help = "the table's rows and columns are replaced"},
    OPTION_LEDGER,
    OPTION_SET,
    OPTION_HELP,
    {0},
};

static const pyr_option inspect_options[] = {
    {.name = "batches", .value = "N", .help = "list the first N batches (20); 0: all of them"},
    {.name = "check", .help = "also read everything: values, offsets, checksums"},
    OPTION_HELP,
    {0},
};

static const pyr_option verify_options[] = {
    OPTION_HELP,
    {0},
};

static const pyr_option model_options[] = {
    {.name = "format",
     .value = "FORMAT",
     .help = "box, csv, tsv, json, ndjson, markdown, line, arrow (IPC stream)"},
    {.name = "framework", .value = "NAME", .help = "of a model that is registered"},
    OPTION_SET,
    OPTION_HELP,
    {0},
};

static const pyr_option later_options[] = {
    OPTION_HELP,
    {0},
};

static int not_supported(const char *what) {
    pyr_error error;
    pyr_error_clear(&error);
    pyr_error_set(&error, PYR_ERROR_NOT_SUPPORTED, "%s: not supported yet by this version", what);
    pyr_error_report(&error, NULL);
    return PYR_EXIT_FAILED;
}

static int run_user(const pyr_options *options) {
    (void)options;
    return not_supported("pyralog user");
}

static int run_help(const pyr_options *options);

static int run_version(const pyr_options *options) {
    (void)options;
    printf("pyralog %s\n", pyr_version());
    return PYR_EXIT_OK;
}

const pyr_command pyr_commands[] = {
    {"shell", "[DATABASE]", "SQL from -c, -f, a pipe or the terminal", 0, 1, shell_options,
     pyr_command_shell},
    {"serve", "DATABASE", "serve Arrow Flight", 1, 1, serve_options, pyr_command_serve},
    {"ingest", "DATABASE TABLE FILE...", "bulk load Arrow, Parquet, CSV, NDJSON; -: Arrow on stdin",
     3, SIZE_MAX, ingest_options, pyr_command_ingest},
    {"inspect", "PATH", "what a file is: schema, batches, statistics", 1, 1, inspect_options,
     pyr_command_inspect},
    {"verify", "DATABASE", "check every segment and the catalog", 1, 1, verify_options,
     pyr_command_verify},
    {"model", "COMMAND DATABASE ...",
     "models: register, list, show, verify, pin, unpin, serve-check", 1, 4, model_options,
     pyr_command_model},
    {"user", "COMMAND ...", "users of a server (not supported yet)", 0, SIZE_MAX, later_options,
     run_user},
    {"help", "[COMMAND]", "this text, or a command's", 0, 1, later_options, run_help},
    {"version", "", "the version", 0, 0, later_options, run_version},
    {0},
};

/* ---- Help. ---- */

static const pyr_command *find_command(const char *name) {
    for (const pyr_command *command = pyr_commands; command->name != NULL; ++command) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

static void print_options(const pyr_option *options) {
    for (; options->name != NULL; ++options) {
        char shown[64];
        if (options->letter != 0) {
            snprintf(shown, sizeof(shown), "-%c, --%s %s", options->letter, options->name,
                     options->value != NULL ? options->value : "");
        } else {
            snprintf(shown, sizeof(shown), "    --%s %s", options->name,
                     options->value != NULL ? options->value : "");
        }
        printf("  %-31s %s%s\n", shown, options->help, options->repeat ? " (repeatable)" : "");
    }
}

/* One that may come from the environment, NULL where none may. */
static const pyr_option *from_environment(const pyr_option *options) {
    while (options->name != NULL && (options->command_only || options->value == NULL)) {
        ++options;
    }
    return options->name != NULL ? options : NULL;
}

static int help_of(const pyr_command *command) {
    bool shell = command == &pyr_commands[0];
    printf("pyralog%s%s%s%s%s\n    %s\n", shell ? "" : " ", shell ? "" : command->name,
           command->arguments[0] != '\0' ? " " : "", command->arguments,
           command->options[1].name != NULL ? " [options]" : "", command->summary);
    const pyr_option *example = from_environment(command->options);
    if (example != NULL) {
        char variable[64];
        pyr_option_environment_name(example->name, variable, sizeof(variable));
        printf("\noptions (--%s also comes from the environment, as %s; so do others):\n",
               example->name, variable);
    } else {
        printf("\noptions:\n");
    }
    print_options(command->options);
    return PYR_EXIT_OK;
}

static int help_all(void) {
    printf("pyralog %s: a zero-copy analytical database\n\n", pyr_version());
    for (const pyr_command *command = pyr_commands; command->name != NULL; ++command) {
        bool shell = command == &pyr_commands[0];
        char usage[80];
        snprintf(usage, sizeof(usage), "pyralog%s%s %s", shell ? "" : " ",
                 shell ? "" : command->name, command->arguments);
        printf("  %-38s %s\n", usage, command->summary);
    }
    printf("\nDATABASE is a directory, created when missing, or :memory: (the shell's default).\n"
           "pyralog help COMMAND lists a command's options; the shell's:\n\n");
    print_options(shell_options);
    return PYR_EXIT_OK;
}

static const char *nearest_command(const char *word) {
    const char *names[16];
    size_t count = 0;
    for (const pyr_command *command = pyr_commands; command->name != NULL; ++command) {
        names[count++] = command->name;
    }
    names[count] = NULL;
    return pyr_nearest_name(word, names);
}

static int run_help(const pyr_options *options) {
    if (options->arguments_count == 0) {
        return help_all();
    }
    const char *name = options->arguments[0];
    const pyr_command *command = find_command(name);
    if (command != NULL) {
        return help_of(command);
    }
    const char *nearest = nearest_command(name);
    return pyr_usage_error("no command \"%.100s\"%s%s%s", name,
                           nearest != NULL ? ": did you mean \"" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

/* ---- What commands share. ---- */

const char *const pyr_settings_readonly[] = {"readonly=true", NULL};

bool pyr_command_open(const char *location, const pyr_options *options, const char *const *settings,
                      pyr_database **out, int *code) {
    *out = NULL;
    size_t count = 0;
    size_t more = 0;
    while (settings != NULL && settings[more] != NULL) {
        ++more;
    }
    const char **given = pyr_options_all(options, "set", &count);
    const char **all = calloc(count + more + 1, sizeof(*all));
    pyr_error error;
    pyr_error_clear(&error);
    pyr_status status = PYR_OK;
    if (given == NULL || all == NULL) {
        status = pyr_error_memory(&error, (count + more) * sizeof(*all));
    } else {
        memcpy(all, given, count * sizeof(*all));
        for (size_t i = 0; i < more; ++i) {
            all[count + i] = settings[i];
        }
        status = pyr_open(location, all, out, &error);
    }
    free(given);
    free(all);
    if (status != PYR_OK) {
        pyr_error_report(&error, NULL);
        *code = status == PYR_ERROR_INVALID_ARGUMENT ? PYR_EXIT_USAGE : PYR_EXIT_FAILED;
    }
    return status == PYR_OK;
}

/* ---- The program. ---- */

static int too_many(const pyr_command *command, const pyr_options *options) {
    const char *extra = options->arguments[command->arguments_max];
    const char *first = options->arguments[0];
    if (command == &pyr_commands[0]) {
        /* "pyralog serv db": the first word was meant as a command. */
        const char *nearest = nearest_command(first);
        if (nearest != NULL) {
            return pyr_usage_error("no command \"%.60s\": did you mean \"pyralog %s\"?", first,
                                   nearest);
        }
        return pyr_usage_error("one DATABASE at most, but \"%.100s\" follows \"%.100s\"", extra,
                               first);
    }
    return pyr_usage_error("unexpected argument \"%.100s\": pyralog %s %s", extra, command->name,
                           command->arguments);
}

static int run_command(const pyr_command *command, int argc, char **argv) {
    pyr_options options;
    pyr_error error;
    pyr_error_clear(&error);
    if (pyr_options_parse(command->options, argc, argv, true, &options, &error) != PYR_OK) {
        pyr_error_report(&error, NULL);
        return PYR_EXIT_USAGE;
    }
    int code;
    if (pyr_options_has(&options, "help")) {
        code = command == &pyr_commands[0] ? help_all() : help_of(command);
    } else if (pyr_options_has(&options, "version")) {
        code = run_version(&options);
    } else if (options.arguments_count > command->arguments_max) {
        code = too_many(command, &options);
    } else if (options.arguments_count < command->arguments_min) {
        code = pyr_usage_error("%s: too few arguments: pyralog %s %s", command->name, command->name,
                               command->arguments);
    } else {
        code = command->run(&options);
    }
    pyr_options_deinit(&options);
    return code;
}

int pyr_cli_main(int argc, char **argv) {
    pyr_display_init();
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of that write */
    const pyr_command *command = argc > 1 ? find_command(argv[1]) : NULL;
    int code;
    if (command == NULL || command == &pyr_commands[0]) {
        bool named = command != NULL;
        code = run_command(&pyr_commands[0], argc - named, argv + named);
    } else {
        code = run_command(command, argc - 1, argv + 1);
    }
    if (fflush(stdout) != 0 && code == PYR_EXIT_OK) {
        code = PYR_EXIT_FAILED;
    }
    return code;
}
