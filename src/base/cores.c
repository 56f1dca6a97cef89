/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cores.h"

#include <sched.h>

unsigned cores_count(void)
{
    cpu_set_t cpus;
    int count = sched_getaffinity(0, sizeof cpus, &cpus) ? 1 : CPU_COUNT(&cpus);

    return count < 1 ? 1 : (unsigned)count;
}
