#include "host/remote/reach.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void reach_add_ssh_option(struct reach *r, const char *option)
{
    r->ssh_options =
        memory_resize(r->ssh_options, (r->ssh_option_count + 1) * sizeof *r->ssh_options);
    r->ssh_options[r->ssh_option_count++] = option;
}

void reach_free(struct reach *r)
{
    if (r->passphrase)
        explicit_bzero(r->passphrase, strlen(r->passphrase));
    free(r->passphrase);
    free(r->ssh_options);
    *r = (struct reach){0};
}
