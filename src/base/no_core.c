/* SPDX-License-Identifier: Apache-2.0 */
#include "base/no_core.h"

#include "base/sanitizer.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void no_core(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_CORE, &limit)) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
    if (!SANITIZER_IS_ON)
        (void)prctl(PR_SET_DUMPABLE, 0);
}
