/* SPDX-License-Identifier: Apache-2.0 */
/* What avahi-browse and resolvectl print: the texts in it are anybody's. The first byte chooses. */
#include "fuzz.h"

#include "host/remote/discovery.h"

#include <stdlib.h>
#include <string.h>

static void fuzz_check(const struct discovery *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct discovered *one = &d->device[i];
        if (!*one->name || strpbrk(one->name, "\n\r\033"))
            abort();
        if (one->port < 0 || one->port > 65535 || (one->address && strpbrk(one->address, " \n")))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct discovery d = {0};
    char *text = fuzz_text(data + (size > 0), size - (size > 0));

    if (!size || *data % 2) {
        discovery_read_avahi(&d, text);
    } else {
        discovery_read_instances(&d, text);
        for (size_t i = 0; i < d.count; i++)
            discovery_read_service(&d.device[i], text);
    }
    fuzz_check(&d);
    discovery_free(&d);
    free(text);
    return 0;
}
