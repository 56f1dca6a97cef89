/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/software.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SOFTWARE_FIRST_TO_ASSEMBLE 2

static const char ours[] = "fwssh_";

bool software_is_fwsshd(const char *software)
{
    return !strncmp(software, ours, strlen(ours));
}

bool software_may_assemble(const char *software)
{
    static const char *const others[] = {"OpenSSH", "dropbear"};

    if (software_is_fwsshd(software))
        return atoi(software + strlen(ours)) >= SOFTWARE_FIRST_TO_ASSEMBLE;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncmp(software, others[i], strlen(others[i])))
            return true;
    return false;
}
