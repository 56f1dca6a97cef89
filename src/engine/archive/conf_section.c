/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/conf_section.h"

#include <string.h>

cfg_t *conf_section(cfg_t *cfg, const char *kind, const char *title)
{
    for (unsigned i = 0; i < cfg_size(cfg, kind); i++) {
        cfg_t *section = cfg_getnsec(cfg, kind, i);
        if (!strcmp(cfg_title(section), title))
            return section;
    }
    return NULL;
}
