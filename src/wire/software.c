#include "wire/software.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SOFTWARE_FIRST_TO_ASSEMBLE 2

bool software_may_assemble(const char *banner)
{
    static const char ours[] = "SSH-2.0-fwssh_";
    static const char *const others[] = {"SSH-2.0-OpenSSH", "SSH-2.0-dropbear"};

    if (!strncmp(banner, ours, strlen(ours)))
        return atoi(banner + strlen(ours)) >= SOFTWARE_FIRST_TO_ASSEMBLE;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncmp(banner, others[i], strlen(others[i])))
            return true;
    return false;
}
