/* SPDX-License-Identifier: Apache-2.0 */
/* A meta.conf, and the plans of all of its tasks. */
#include "fuzz.h"

#include "engine/apply/plan.h"
#include "engine/archive/conf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct buffer out = {0};
    struct error err;
    cfg_t *cfg = conf_parse_meta(text, &err);

    free(text);
    if (!cfg)
        return 0;
    for (unsigned i = 0; i < cfg_size(cfg, "task"); i++) {
        struct plan plan;
        if (!plan_make(&plan, cfg, cfg_getnsec(cfg, "task", i), true, &err))
            plan_free(&plan);
    }
    conf_print(cfg, &out);
    buffer_free(&out);
    cfg_free(cfg);
    return 0;
}
