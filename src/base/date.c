/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"

#include <time.h>

void date_format(int64_t seconds, char text[DATE_SIZE])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || !strftime(text, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
        text[0] = '\0';
}
