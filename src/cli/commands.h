/* commands.h - the program's commands: one table with their options, from which help is made too.
 */
#ifndef PYR_CLI_COMMANDS_H
#define PYR_CLI_COMMANDS_H

#include "cli/errors.h"
#include "cli/options.h"
#include "session/session.h"

typedef struct pyr_command {
    const char *name;
    const char *arguments; /* for help: "DATABASE TABLE FILE..." */
    const char *summary;
    size_t arguments_min, arguments_max;
    const pyr_option *options;
    int (*run)(const pyr_options *options); /* the exit code */
} pyr_command;

extern const pyr_command pyr_commands[]; /* ends with a name of NULL; the shell is the first */

int pyr_command_shell(const pyr_options *options);
int pyr_command_serve(const pyr_options *options);
int pyr_command_ingest(const pyr_options *options);
int pyr_command_inspect(const pyr_options *options);
int pyr_command_verify(const pyr_options *options);
int pyr_command_model(const pyr_options *options);

/* Opens a database by its location, with what --set gives and then settings (NULL-terminated
 * "name=value" strings, or NULL). On failure the error was reported and *code is the exit code. */
bool pyr_command_open(const char *location, const pyr_options *options, const char *const *settings,
                      pyr_database **out, int *code);
extern const char *const pyr_settings_readonly[]; /* {"readonly=true", NULL} */

/* The whole program: argv as main's. */
int pyr_cli_main(int argc, char **argv);

#endif
