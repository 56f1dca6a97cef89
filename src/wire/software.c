#include "wire/software.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SOFTWARE_FIRST_TO_ASSEMBLE 2

bool software_may_assemble(const char *software)
{
    static const char ours[] = "fwssh_";
    static const char *const others[] = {"OpenSSH", "dropbear"};

    if (!strncmp(software, ours, strlen(ours)))
        return atoi(software + strlen(ours)) >= SOFTWARE_FIRST_TO_ASSEMBLE;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncmp(software, others[i], strlen(others[i])))
            return true;
    return false;
}
