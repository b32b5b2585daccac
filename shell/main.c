/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the executable laminardb. The Python extension calls laminar_shell_main itself. */
#include "shell.h"

int
main(int argc, char **argv) {
    return laminar_shell_main(argc, argv);
}
