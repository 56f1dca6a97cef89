/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/reboot_param.h"
#include "engine/apply/op.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OP_SMALL_UNITS 512

static int op_nothing_to_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)op;
    (void)source;
    (void)err;
    return 0;
}

/* An error is one line: the archive's lines are joined. */
static int op_error_run(const struct op *op, struct op_context *context, struct error *err)
{
    struct buffer text = {0};
    char *copy = memory_text(op->argv[0]), *rest = NULL;

    (void)context;
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        buffer_printf(&text, "%s%s", text.len ? " " : "", line);
    error_set(err, EXIT_MISMATCH, "%s", buffer_text(&text));
    buffer_free(&text);
    free(copy);
    return -1;
}

const struct op_type op_error = {"error", op_nothing_to_plan, op_error_run, false};

static int op_info_run(const struct op *op, struct op_context *context, struct error *err)
{
    (void)err;
    report_info(context->report, "%s", op->argv[0]);
    return 0;
}

const struct op_type op_info = {"info", op_nothing_to_plan, op_info_run, false};

static int op_reboot_param_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)source;
    (void)err;
    op->units = OP_SMALL_UNITS;
    return 0;
}

static int op_reboot_param_run(const struct op *op, struct op_context *context, struct error *err)
{
    const char *path = context->reboot_param_path;

    if (!path)
        path = reboot_param_path();
    if (io_write_file(path, op->argv[0], strlen(op->argv[0]), 0644, err))
        return -1;
    report_add(context->report, op->units);
    return 0;
}

const struct op_type op_reboot_param = {"reboot_param", op_reboot_param_plan, op_reboot_param_run,
                                        false};
