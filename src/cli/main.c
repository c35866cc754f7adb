/* main.c - the program `pyralog`. Everything is in commands.c, so that tests can link it. */
#include "cli/commands.h"

int main(int argc, char **argv) {
    return pyr_cli_main(argc, argv);
}
