#include "cli/commands.h"
int pyr_command_serve(const pyr_options *options) {
    (void)options;
    return pyr_usage_error("serve");
}
