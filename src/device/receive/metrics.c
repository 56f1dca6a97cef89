/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/metrics.h"

#include "base/io.h"
#include "base/log.h"

#include <time.h>

struct metric {
    const char *name, *help;
    double value;
};

static void metrics_add(struct buffer *out, const struct metric *m)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.15g\n", m->name, m->help, m->name,
                  m->name, m->value);
}

void metrics_write(const struct device_config *config, const struct result *r, double seconds)
{
    const struct metric metrics[] = {
        {"fwssh_last_update_success", "1 if the last update succeeded, 0 if it failed.",
         !r->status},
        {"fwssh_last_update_status", "Exit status of the last update, see fwssh(1).", r->status},
        {"fwssh_last_update_firmware_bytes", "Firmware that its updater was given.",
         (double)r->bytes},
        {"fwssh_last_update_duration_seconds", "From the request to the result.", seconds},
        {"fwssh_last_update_end_timestamp_seconds", "When it ended, by the device's clock.",
         (double)time(NULL)},
    };
    struct buffer text = {0};
    struct error err;

    if (!*config->metrics_file || !result_is_tried(r))
        return;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        metrics_add(&text, &metrics[i]);
    if (io_write_file(config->metrics_file, text.data, text.len, 0644, &err))
        log_warning("%s (key metrics-file)", err.text);
    buffer_free(&text);
}
