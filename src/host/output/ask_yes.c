/* SPDX-License-Identifier: Apache-2.0 */
#include "host/output/ask_yes.h"

#include <stdio.h>
#include <unistd.h>

bool ask_yes_is_possible(void)
{
    return isatty(STDIN_FILENO);
}

bool ask_yes(const char *question)
{
    char answer[16];

    printf("%s [y/N] ", question);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}
